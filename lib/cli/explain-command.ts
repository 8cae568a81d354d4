import { resolve } from 'node:path';
import { resolveOptions } from '../core/options.js';
import { explainJob } from '../driver/explain-job.js';
import { optionFlags, pairs, type Engine, type RunFlags } from './run-command.js';
import type { Terminal } from './terminal.js';
import { visibleText } from '../core/visible.js';

/** The flags of `sluice explain`, as they were given. */
export type ExplainFlags = Pick<RunFlags, 'workers' | 'arg'>;

/** Shows a job's plan. Throws what a run would refuse the job for. */
export async function explainCommand(
  jobPath: string,
  flags: ExplainFlags,
  terminal: Terminal,
  { openJob }: Pick<Engine, 'openJob'>,
): Promise<void> {
  const job = await openJob(resolve(terminal.cwd, jobPath));
  const { values } = resolveOptions({ cli: optionFlags(flags), env: terminal.env, job: job.options });
  terminal.out(visibleText(explainJob(job, pairs(flags.arg, '--arg'), values.workers)));
}
