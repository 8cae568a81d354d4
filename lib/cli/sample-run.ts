import { messageOf } from '../core/errors.js';
import { reportError } from './report-error.js';
import { runCommand } from './run-command.js';
import { processTerminal } from './terminal.js';

export interface SampleRun {
  /** Path of the job file. */
  readonly job: string;
  readonly checkpoint: string;
  readonly interval: string;
  /** `name=value` of the job's arguments. */
  readonly args: readonly string[];
  /** The run is stopped when so many records are committed, bad ones included. */
  readonly records: number;
  /** The run is given up when it takes longer. */
  readonly limitMs: number;
}

/**
 * Runs a job live, as `sluice run` does, until its sample input is read and committed.
 *
 * @param input makes the sample input while the job runs; started with the run, and its failure ends it
 * @returns the exit code: 1 also when the limit passed first
 */
export async function runSample(sample: SampleRun, input: () => Promise<void>): Promise<number> {
  const terminal = processTerminal();
  let problem: string | undefined;
  let seen = 0;
  let limit: NodeJS.Timeout | undefined;
  const flags = { interval: sample.interval, checkpoint: sample.checkpoint, arg: sample.args };
  try {
    const exitCode = await runCommand(sample.job, flags, terminal, await import('../driver/run-job.js'), stop => {
      const giveUp = (why: string): void => {
        problem = why;
        stop();
      };
      limit = setTimeout(() => giveUp(`the sample was not done after ${sample.limitMs} ms`), sample.limitMs);
      input().catch((error: unknown) => giveUp(`the sample input could not be made: ${messageOf(error)}`));
      return event => {
        if (event.kind !== 'batchCompleted') return;
        seen += event.batch.records;
        if (seen >= sample.records) stop();
      };
    });
    if (problem === undefined) return exitCode;
    terminal.err(`error: ${problem}\n`);
    return 1;
  } catch (thrown) {
    return reportError(thrown, terminal);
  } finally {
    clearTimeout(limit);
  }
}
