import { EngineError } from '../core/errors.js';
import type { ArgDeclarations, ArgValues } from '../core/job-args.js';
import type { DeclaredOptions } from '../core/options.js';
import type { Plan } from '../plan/node.js';
import { StreamGraph } from './stream-graph.js';
import { StreamingContext } from './streaming-context.js';

export interface JobOptions<A extends ArgDeclarations = ArgDeclarations> {
  /** What the job takes from the command line as `--arg name=value`. */
  readonly args?: A;
  /** Engine options that fit this job, by name; the command line and the environment override them. */
  readonly options?: DeclaredOptions;
}

/** A job: a name, what it takes, and how its graph is built. The default export of a job file. */
export interface Job {
  readonly kind: 'sluice.job';
  readonly name: string;
  readonly args: ArgDeclarations;
  readonly options: DeclaredOptions;
  readonly build: (ssc: StreamingContext, args: never) => unknown;
}

/**
 * Declares a job.
 *
 *     export default job('word-count', { args: { input: arg.path('texts', 'folder to read') } }, (ssc, args) => {
 *       ssc.fileStream(args.input, text()).flatMap(line => line.split(' ')).countByValue().print();
 *     });
 *
 * `build` is called in the driver and in every worker and must declare the same graph each time.
 */
export function job<A extends ArgDeclarations = Record<never, never>>(
  name: string,
  options: JobOptions<A>,
  build: (ssc: StreamingContext, args: ArgValues<A>) => unknown,
): Job {
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/.test(name)) {
    throw new EngineError(
      'jobInvalid',
      `a job's name wants letters, digits, '.', '_' and '-' (it names folders), got '${name}'`,
    );
  }
  if (typeof build !== 'function' || typeof options !== 'object' || options === null) {
    throw new EngineError(
      'jobInvalid',
      `job '${name}' wants a name, options and a build function: job('${name}', {}, ssc => { ... })`,
    );
  }
  const unknown = Object.keys(options).find(key => key !== 'args' && key !== 'options');
  if (unknown !== undefined) {
    throw new EngineError(
      'jobInvalid',
      `job '${name}' wants { args, options } as its second argument, got '${unknown}': engine options go into options`,
    );
  }
  return Object.freeze({
    kind: 'sluice.job',
    name,
    args: options.args ?? {},
    options: options.options ?? {},
    build: build as Job['build'],
  });
}

/** Whether a value is what `job(...)` gives, whichever copy of Sluice made it. */
export function isJob(value: unknown): value is Job {
  return typeof value === 'object' && value !== null && (value as { kind?: unknown }).kind === 'sluice.job';
}

/** Runs the job's build function on a new graph. What it throws is passed on; a build function that waits is `jobInvalid`. */
export function buildGraph(
  job: Job,
  args: { readonly [name: string]: unknown },
  numPartitions: number,
  operatorIds: { readonly [derived: string]: string } = {},
): { graph: StreamGraph; plan: Plan } {
  const graph = new StreamGraph(job.name, numPartitions);
  const built = job.build(new StreamingContext(graph), args as never);
  if (built instanceof Promise) {
    // What it throws later is of no interest: it is refused as it is.
    built.catch(() => undefined);
    throw new EngineError(
      'jobInvalid',
      `the build function of job '${job.name}' wants to declare its streams at once, but it is async: await what it needs at the top of the job file`,
    );
  }
  graph.useOperatorIds(operatorIds);
  return { graph, plan: graph.plan() };
}
