/** DuckDB, by its Python package in an environment of its own: what a batch engine takes for the same files. */
import { join } from 'node:path';
import { benchmarksFolder } from '../../harness/folders.js';
import { runTimes, WORKLOADS, type Peer, type PeerResult } from '../peer.js';
import { installPythonPackages, pythonIn } from '../python.js';

const VERSION = '2.0.0';
const PROGRAM = join(benchmarksFolder, 'peers', 'duckdb', 'run.py');

export const duckdb: Peer = {
  name: 'duckdb',
  stamp: VERSION,
  workloads: WORKLOADS,
  install: folder => installPythonPackages(folder, [`duckdb==${VERSION}`]),
  async run(folder, { workload, data, runs }): Promise<PeerResult[]> {
    const results: PeerResult[] = [];
    for (const threads of ['1', '2']) {
      results.push(...(await runTimes(runs, pythonIn(folder), [PROGRAM, workload, threads, data])));
    }
    return results;
  },
};
