/**
 * The engine's options: one table, from which come the types, the checks, the command line's help, the documentation
 * and the specs. A value is taken from the first of: command line (`--interval 2s`, `--option name=value`),
 * environment (`SLUICE_INTERVAL=2s`), the job file (`options: { interval: '2s' }`), the default.
 */
import { availableParallelism } from 'node:os';
import { formatBinaryBytes, parseBytes } from './byte-size.js';
import { EngineError } from './errors.js';
import { didYouMean, nearest } from './nearest.js';
import { formatDuration, parseDuration } from './time.js';

export interface OptionInfo {
  /** Name in `EngineOptions`, with the unit. */
  readonly field: string;
  /** duration: `500ms`, `2s`, or milliseconds; bytes: `64MiB`, or bytes; powerOfTwo: an integer that is one. */
  readonly type: 'duration' | 'integer' | 'bytes' | 'powerOfTwo' | 'choice';
  /** In milliseconds or bytes; `cores` is the number of cores that the process may use; of a choice, one of its words. */
  readonly default: number | string;
  /** Of a choice both are 0. */
  readonly min: number;
  readonly max: number;
  /** The words of a choice. */
  readonly choices?: readonly string[];
  readonly doc: string;
  /** What Spark calls it, where it has it. */
  readonly spark?: string;
}

const DAY_MS = 86_400_000;
const GIB = 1024 ** 3;

export const ENGINE_OPTIONS = {
  interval: {
    field: 'intervalMs',
    type: 'duration',
    default: 500,
    min: 1,
    max: DAY_MS,
    doc: 'batch interval: how much time one batch covers',
    spark: 'batchDuration',
  },
  workers: {
    field: 'workers',
    type: 'integer',
    default: 'cores',
    min: 1,
    max: 256,
    doc: 'worker threads, each with a slot of memory',
    spark: 'spark.executor.cores',
  },
  checkpointInterval: {
    field: 'checkpointIntervalMs',
    type: 'duration',
    default: 10_000,
    min: 1,
    max: DAY_MS,
    doc: 'time between two snapshots of the state; every batch in between is in the log',
    spark: 'DStream.checkpoint(interval)',
  },
  taskTimeout: {
    field: 'taskTimeoutMs',
    type: 'duration',
    default: 60_000,
    min: 1,
    max: DAY_MS,
    doc: 'a task that takes longer is ended with its thread and tried again',
    spark: 'spark.task.reaper.killTimeout',
  },
  maxTaskFailures: {
    field: 'maxTaskFailures',
    type: 'integer',
    default: 4,
    min: 1,
    max: 1000,
    doc: 'failed attempts of one task after which its batch fails',
    spark: 'spark.task.maxFailures',
  },
  concurrentJobs: {
    field: 'concurrentJobs',
    type: 'integer',
    default: 1,
    min: 1,
    max: 64,
    doc: 'batches that are computed at once; what needs state still waits for the batch before, and commits keep their order',
    spark: 'spark.streaming.concurrentJobs',
  },
  onBatchFailure: {
    field: 'onBatchFailure',
    type: 'choice',
    default: 'stop',
    min: 0,
    max: 0,
    choices: ['stop', 'continue'],
    doc: 'stop: a batch that fails ends the run; continue: later batches go on without it, and the next run begins with it',
  },
  speculation: {
    field: 'speculation',
    type: 'choice',
    default: 'off',
    min: 0,
    max: 0,
    choices: ['off', 'on'],
    doc: 'on: a task without state that takes three times as long as its stage has a copy on another worker',
    spark: 'spark.speculation',
  },
  speculationMinTime: {
    field: 'speculationMinMs',
    type: 'duration',
    default: 100,
    min: 0,
    max: DAY_MS,
    doc: 'a task that runs for less than this has no copy',
    spark: 'spark.speculation.minTaskRuntime',
  },
  maxSlotFailures: {
    field: 'maxSlotFailures',
    type: 'integer',
    default: 3,
    min: 1,
    max: 1000,
    doc: 'different tasks that fail on one worker in a row after which it gets only those of its own state for a while',
    spark: 'spark.excludeOnFailure.application.maxFailedTasksPerExecutor',
  },
  excludeTime: {
    field: 'excludeMs',
    type: 'duration',
    default: 60_000,
    min: 1,
    max: DAY_MS,
    doc: 'how long such a worker is left out; the last one never is',
    spark: 'spark.excludeOnFailure.timeout',
  },
  jitter: {
    field: 'jitterMs',
    type: 'duration',
    default: 0,
    min: 0,
    max: DAY_MS,
    doc: 'batches start up to this long after their time, by job and time, so that jobs on one machine do not start as one; less than interval',
  },
  gracefulStopTimeout: {
    field: 'gracefulStopTimeoutMs',
    type: 'duration',
    default: 30_000,
    min: 1,
    max: DAY_MS,
    doc: 'how long a stop waits for the batches under way before it ends the run without them',
    spark: 'spark.streaming.gracefulStopTimeout',
  },
  maxBatchBytes: {
    field: 'maxBatchBytes',
    type: 'bytes',
    default: 64 * 1024 ** 2,
    min: 1,
    max: 64 * GIB,
    doc: 'input bytes of one batch at the most; what is left waits for the next',
    spark: 'maxBytesPerTrigger',
  },
  maxBatchRecords: {
    field: 'maxBatchRecords',
    type: 'integer',
    default: 10_000_000,
    min: 1,
    max: 1_000_000_000,
    doc: 'input records of one batch at the most, for sources that count before they read',
    spark: 'maxOffsetsPerTrigger',
  },
  slotMemory: {
    field: 'slotMemoryBytes',
    type: 'bytes',
    default: GIB,
    min: 16 * 1024 ** 2,
    max: 4 * GIB - 65536,
    doc: 'memory that one worker may use for blocks and state',
    spark: 'spark.executor.memory',
  },
  workerHeap: {
    field: 'workerHeapBytes',
    type: 'bytes',
    default: 2 * GIB,
    min: 64 * 1024 ** 2,
    max: 64 * GIB,
    doc: 'JavaScript heap that the closures of one worker may fill; beyond it the thread is lost and the task retried',
    spark: 'spark.executor.memoryOverhead',
  },
  keyGroups: {
    field: 'keyGroups',
    type: 'powerOfTwo',
    default: 128,
    min: 1,
    max: 32_768,
    doc: 'parts that keyed state is cut into, a power of two, fixed at the first start of a checkpoint',
  },
  rollBytes: {
    field: 'rollBytes',
    type: 'bytes',
    default: 128 * 1024 ** 2,
    min: 1,
    max: 1024 * GIB,
    doc: 'size at which an output folder gets a new part file',
  },
  rollInterval: {
    field: 'rollIntervalMs',
    type: 'duration',
    default: 3_600_000,
    min: 1,
    max: 365 * DAY_MS,
    doc: 'age, in batch time, at which an output folder gets a new part file',
  },
} as const satisfies Record<string, OptionInfo>;

export type OptionName = keyof typeof ENGINE_OPTIONS;

type OptionValue<I> = I extends { readonly choices: readonly (infer Word)[] } ? Word : number;

/** Every option's value: milliseconds, bytes or a count, as the field's name says, or the word that was chosen. */
export type EngineOptions = {
  readonly [N in OptionName as (typeof ENGINE_OPTIONS)[N]['field']]: OptionValue<(typeof ENGINE_OPTIONS)[N]>;
};

/** What a job file may declare: `{ interval: '2s', slotMemory: '2GiB' }`, or plain numbers in milliseconds and bytes. */
export type DeclaredOptions = { readonly [N in OptionName]?: string | number };

export type OptionOrigin = 'command line' | 'environment' | 'job' | 'default';

export interface ResolvedOptions {
  readonly values: EngineOptions;
  readonly origins: { readonly [N in OptionName]: OptionOrigin };
}

export interface OptionLayers {
  readonly cli?: { readonly [name: string]: string | undefined };
  /** The process's environment; only `SLUICE_...` is looked at. */
  readonly env?: { readonly [name: string]: string | undefined };
  readonly job?: { readonly [name: string]: string | number | undefined };
}

/** `checkpointInterval` -> `SLUICE_CHECKPOINT_INTERVAL`. */
export const envNameOf = (option: string): string =>
  `SLUICE_${option.replace(/[A-Z]/g, letter => `_${letter}`).toUpperCase()}`;

/** Every option's value and where it came from. Throws `optionUnknown`, `optionInvalid`. */
export function resolveOptions(layers: OptionLayers): ResolvedOptions {
  refuseUnknown(layers.cli ?? {}, 'on the command line');
  refuseUnknown(layers.job ?? {}, "in the job's options");
  refuseMisspeltEnv(layers.env ?? {});
  const values: Record<string, number | string> = {};
  const origins: Record<string, OptionOrigin> = {};
  for (const [name, info] of Object.entries<OptionInfo>(ENGINE_OPTIONS)) {
    const [text, origin] = firstGiven(name, layers);
    values[info.field] = text === undefined ? defaultOf(info) : parseOption(name, info, text, origin);
    origins[name] = origin;
  }
  return { values: values as EngineOptions, origins: origins as ResolvedOptions['origins'] };
}

/** The default as somebody would write it: `500 ms`, `64MiB`, `number of cores`. */
export function formatDefault(info: OptionInfo): string {
  if (info.default === 'cores') return 'number of cores';
  return typeof info.default === 'string' ? info.default : formatValue(info, info.default);
}

function firstGiven(name: string, layers: OptionLayers): [text: string | number | undefined, origin: OptionOrigin] {
  const cli = layers.cli?.[name];
  if (cli !== undefined) return [cli, 'command line'];
  const env = layers.env?.[envNameOf(name)];
  if (env !== undefined && env !== '') return [env, 'environment'];
  const job = layers.job?.[name];
  if (job !== undefined) return [job, 'job'];
  return [undefined, 'default'];
}

function parseOption(name: string, info: OptionInfo, text: string | number, origin: OptionOrigin): number | string {
  const what = `${origin === 'environment' ? envNameOf(name) : `option ${name}`} (${origin})`;
  if (info.choices !== undefined) return parseChoice(name, info.choices, text, what);
  const value = parseByType(info, text, what);
  if (value < info.min || value > info.max || !Number.isInteger(value)) {
    throw new EngineError(
      'optionInvalid',
      `${what} wants ${describeType(info)} from ${formatValue(info, info.min)} to ${formatValue(info, info.max)}, got '${text}'`,
      { detail: { option: name } },
    );
  }
  if (info.type === 'powerOfTwo' && (value & (value - 1)) !== 0) {
    const below = 2 ** Math.floor(Math.log2(value));
    throw new EngineError(
      'optionInvalid',
      `${what} wants a power of two, got '${text}': try ${below} or ${below * 2}`,
      {
        detail: { option: name },
      },
    );
  }
  return value;
}

function parseChoice(name: string, choices: readonly string[], text: string | number, what: string): string {
  const word = String(text).trim();
  if (choices.includes(word)) return word;
  throw new EngineError(
    'optionInvalid',
    `${what} wants ${choices.join(' or ')}, got '${text}'${didYouMean(word, choices)}`,
    {
      detail: { option: name },
    },
  );
}

function parseByType(info: OptionInfo, text: string | number, what: string): number {
  if (typeof text !== 'string' && typeof text !== 'number') return Number.NaN;
  switch (info.type) {
    case 'duration':
      return parseDuration(text, what);
    case 'bytes':
      return parseBytes(text, what);
    case 'integer':
    case 'powerOfTwo':
      return /^\s*\d+\s*$/.test(String(text)) ? Number(text) : Number.NaN;
    case 'choice':
      return Number.NaN;
  }
}

function describeType(info: OptionInfo): string {
  switch (info.type) {
    case 'duration':
      return 'a duration in whole milliseconds';
    case 'bytes':
      return 'a size';
    case 'integer':
      return 'an integer';
    case 'powerOfTwo':
      return 'a power of two';
    case 'choice':
      return 'a word';
  }
}

function formatValue(info: OptionInfo, value: number): string {
  if (info.type === 'duration') return formatDuration(value);
  if (info.type === 'bytes') return formatBinaryBytes(value);
  return String(value);
}

const defaultOf = (info: OptionInfo): number | string =>
  info.default === 'cores' ? Math.min(info.max, Math.max(1, availableParallelism())) : info.default;

function refuseUnknown(given: object, where: string): void {
  const names = Object.keys(ENGINE_OPTIONS);
  for (const name of Object.keys(given)) {
    if (Object.hasOwn(ENGINE_OPTIONS, name)) continue;
    throw new EngineError(
      'optionUnknown',
      `unknown option '${name}' ${where} (there are ${names.join(', ')})${didYouMean(name, names)}`,
      { detail: { option: name } },
    );
  }
}

/** Other programs may own `SLUICE_` names too, so only what looks like one of ours with a slip of the pen is refused. */
function refuseMisspeltEnv(env: object): void {
  const names = Object.keys(ENGINE_OPTIONS).map(envNameOf);
  for (const name of Object.keys(env)) {
    if (!name.startsWith('SLUICE_') || names.includes(name)) continue;
    const meant = nearest(
      name.slice('SLUICE_'.length),
      names.map(known => known.slice('SLUICE_'.length)),
    );
    if (meant === undefined) continue;
    throw new EngineError('optionUnknown', `unknown environment variable ${name}; did you mean SLUICE_${meant}?`, {
      detail: { option: name },
    });
  }
}
