/** What is written without an engine, in plain Node: always there. */
import { join } from 'node:path';
import { benchmarksFolder } from '../../harness/folders.js';
import { resultsIn, runTimes, type PeerRequest, type PeerResult } from '../peer.js';
import { runCommand } from '../../harness/run-process.js';

const program = (name: string): string => join(benchmarksFolder, 'peers', 'node', `${name}.mjs`);

/** The forms of a workload, each run as often as asked for. */
export async function runNodeForms(
  name: 'ysb' | 'ysb-arrow' | 'text',
  forms: readonly string[],
  { data, runs }: Pick<PeerRequest, 'data' | 'runs'>,
): Promise<PeerResult[]> {
  const results: PeerResult[] = [];
  for (const form of forms) results.push(...(await runTimes(runs, process.execPath, [program(name), data, form])));
  return results;
}

/** One run of a program that does its work in the batches of another run, to be compared with that. */
export async function runNodeOnce(name: 'clicks' | 'top-k', args: readonly string[]): Promise<PeerResult[]> {
  return resultsIn(await runCommand(process.execPath, [program(name), ...args]));
}
