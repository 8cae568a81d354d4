/** A job's plan as text; nothing is run. */
import { parseArgs } from '../core/job-args.js';
import { resolveOptions } from '../core/options.js';
import { buildGraph, type Job } from '../api/job.js';
import { explainPlan } from '../executor/explain-plan.js';
import type { Plan } from '../plan/node.js';
import { compileStages } from '../plan/stages.js';
import { jobError } from './job-module.js';
import { loadJob, type LoadedJob } from './run-job.js';

export interface ExplainOptions {
  /** The job's own arguments, as on the command line. */
  readonly args?: { readonly [name: string]: string };
  /** Default: what the job's options or the number of cores say. */
  readonly workers?: number;
}

/**
 * What a job asks for and what a batch of it runs: the plan node by node, then the stages, with what became one pass, what
 * tests each filter and which columns are decoded. For people: the form may change.
 *
 * @param job its file's path or URL, or the job itself
 * Throws what a run would refuse the job for.
 */
export async function explain(job: string | URL | Job, options: ExplainOptions = {}): Promise<string> {
  const loaded = await loadJob(job);
  const cli = options.workers === undefined ? {} : { workers: String(options.workers) };
  const { values } = resolveOptions({ cli, env: {}, job: loaded.options });
  return explainJob(loaded, options.args ?? {}, values.workers);
}

/** As `explain`, of a loaded job for a number of workers. */
export function explainJob(
  { job }: Pick<LoadedJob, 'job'>,
  args: { readonly [name: string]: string },
  workers: number,
): string {
  return explainPlan(compileStages(planOf(job, parseArgs(job.args, args), workers)));
}

function planOf(job: Job, args: { readonly [name: string]: unknown }, workers: number): Plan {
  try {
    return buildGraph(job, args, workers).plan;
  } catch (error) {
    throw jobError(`the build function of job '${job.name}' threw`, {}, error);
  }
}
