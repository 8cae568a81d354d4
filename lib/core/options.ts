/**
 * The engine's options: one table, from which come the types, the checks, the command line's help, the documentation
 * and the specs. A value is taken from the first of: command line (`--interval 2s`, `--option name=value`),
 * environment (`SLUICE_INTERVAL=2s`), the job file (`options: { interval: '2s' }`), the default. A program that embeds
 * Sluice gives options in the place of a command line.
 */
import { availableParallelism } from 'node:os';
import { formatBinaryBytes, parseBytes } from './byte-size.js';
import { EngineError } from './errors.js';
import { didYouMean, nearest } from './nearest.js';
import { formatDuration, parseDuration } from './time.js';

export type OptionInfo = NumberOptionInfo | BooleanOptionInfo | ChoiceOptionInfo;

interface NumberOptionInfo extends OptionDoc {
  /**
   * duration: `500ms`, `2s`, or milliseconds; bytes: `64MiB`, or bytes; powerOfTwo: an integer that is one; number: any,
   * with a fraction or without.
   */
  readonly type: 'duration' | 'integer' | 'bytes' | 'powerOfTwo' | 'number';
  /** In milliseconds or bytes; `cores` is the number of cores that the process may use. */
  readonly default: number | 'cores';
  readonly min: number;
  readonly max: number;
}

/** `true` or `false`. */
interface BooleanOptionInfo extends OptionDoc {
  readonly type: 'boolean';
  readonly default: boolean;
}

/** One of some words. */
interface ChoiceOptionInfo extends OptionDoc {
  readonly type: 'choice';
  readonly default: string;
  readonly choices: readonly string[];
}

interface OptionDoc {
  /** Name in `EngineOptions`, with the unit. */
  readonly field: string;
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
    choices: ['stop', 'continue'],
    doc: 'stop: a batch that fails ends the run; continue: later batches go on without it, and the next run begins with it',
  },
  speculation: {
    field: 'speculation',
    type: 'choice',
    default: 'off',
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
  blockInterval: {
    field: 'blockIntervalMs',
    type: 'duration',
    default: 200,
    min: 1,
    max: DAY_MS,
    doc: 'time after which items that a receiver stored one by one go to disk; never more than a quarter of the batch interval',
    spark: 'spark.streaming.blockInterval',
  },
  receiverQueueBytes: {
    field: 'receiverQueueBytes',
    type: 'bytes',
    default: 64 * 1024 ** 2,
    min: 1,
    max: 64 * GIB,
    doc: 'bytes of one receiver that wait for a batch at the most; beyond it senders wait',
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
  backpressure: {
    field: 'backpressure',
    type: 'boolean',
    default: true,
    doc: 'limit each source to what the job was seen to process; not under --once, which has no time to keep',
    spark: 'spark.streaming.backpressure.enabled',
  },
  initialRate: {
    field: 'initialRate',
    type: 'integer',
    default: 0,
    min: 0,
    max: 1_000_000_000,
    doc: 'records per second of each source until backpressure has its first estimate; 0: no limit',
    spark: 'spark.streaming.backpressure.initialRate',
  },
  maxRatePerSource: {
    field: 'maxRatePerSource',
    type: 'integer',
    default: 0,
    min: 0,
    max: 1_000_000_000,
    doc: 'records per second of each source at the most, with backpressure or without; 0: no limit',
    spark: 'spark.streaming.receiver.maxRate',
  },
  pidMinRate: {
    field: 'pidMinRate',
    type: 'integer',
    default: 100,
    min: 1,
    max: 1_000_000_000,
    doc: 'records per second below which backpressure limits no source',
    spark: 'spark.streaming.backpressure.pid.minRate',
  },
  pidProportional: {
    field: 'pidProportional',
    type: 'number',
    default: 1,
    min: 0,
    max: 1000,
    doc: 'how much the limit follows the difference between itself and the processing rate',
    spark: 'spark.streaming.backpressure.pid.proportional',
  },
  pidIntegral: {
    field: 'pidIntegral',
    type: 'number',
    default: 0.2,
    min: 0,
    max: 1000,
    doc: 'how much the limit falls while batches wait for their turn',
    spark: 'spark.streaming.backpressure.pid.integral',
  },
  pidDerivative: {
    field: 'pidDerivative',
    type: 'number',
    default: 0,
    min: 0,
    max: 1000,
    doc: 'how much the limit follows the change of that difference; quick, and easily upset by noise',
    spark: 'spark.streaming.backpressure.pid.derived',
  },
} as const satisfies Record<string, OptionInfo>;

export type OptionName = keyof typeof ENGINE_OPTIONS;

type TypeOf<N extends OptionName> = (typeof ENGINE_OPTIONS)[N]['type'];

type OptionValue<I> = I extends { readonly choices: readonly (infer Word)[] }
  ? Word
  : I extends { readonly type: 'boolean' }
    ? boolean
    : number;

/** Every option's value: milliseconds, bytes, a count or a rate, as the field's name says; true or false; the word that was chosen. */
export type EngineOptions = {
  readonly [N in OptionName as (typeof ENGINE_OPTIONS)[N]['field']]: OptionValue<(typeof ENGINE_OPTIONS)[N]>;
};

/**
 * What belongs to the machine and not to the job: at a restart from a checkpoint these are taken from what is given
 * then, all others from the checkpoint.
 */
export const DEPLOYMENT_OPTIONS = ['workers', 'slotMemory', 'workerHeap'] as const satisfies readonly OptionName[];

export type DeploymentOption = (typeof DEPLOYMENT_OPTIONS)[number];

/** What a job file may declare: `{ interval: '2s', slotMemory: '2GiB' }`, or plain numbers in milliseconds and bytes. */
export type DeclaredOptions = {
  readonly [N in OptionName]?: TypeOf<N> extends 'boolean' ? string | boolean : string | number;
};

export type OptionOrigin = 'command line' | 'program' | 'environment' | 'checkpoint' | 'job' | 'default';

export interface ResolvedOptions {
  readonly values: EngineOptions;
  readonly origins: { readonly [N in OptionName]: OptionOrigin };
}

/** An option's value as it is given or recorded. */
export type OptionText = string | number | boolean;

export interface OptionLayers {
  readonly cli?: { readonly [name: string]: string | undefined };
  /** What a program that embeds Sluice gives, in the place of a command line. */
  readonly program?: { readonly [name: string]: OptionText | undefined };
  /** The process's environment; only `SLUICE_...` is looked at. */
  readonly env?: { readonly [name: string]: string | undefined };
  /** What the run of a checkpoint was started with. */
  readonly checkpoint?: { readonly [name: string]: OptionText };
  readonly job?: { readonly [name: string]: OptionText | undefined };
}

/** `checkpointInterval` -> `SLUICE_CHECKPOINT_INTERVAL`. */
export const envNameOf = (option: string): string =>
  `SLUICE_${option.replace(/[A-Z]/g, letter => `_${letter}`).toUpperCase()}`;

/** Every option's value and where it came from. Throws `optionUnknown`, `optionInvalid`. */
export function resolveOptions(layers: OptionLayers): ResolvedOptions {
  refuseUnknown(layers.cli ?? {}, 'on the command line');
  refuseUnknown(layers.program ?? {}, "in the program's options");
  refuseUnknown(layers.checkpoint ?? {}, 'in what the checkpoint says of its run');
  refuseUnknown(layers.job ?? {}, "in the job's options");
  refuseMisspeltEnv(layers.env ?? {});
  const values: Record<string, number | boolean | string> = {};
  const origins: Record<string, OptionOrigin> = {};
  for (const [name, info] of Object.entries<OptionInfo>(ENGINE_OPTIONS)) {
    const [text, origin] = firstGiven(name, layers);
    values[info.field] = text === undefined ? defaultOf(info) : parseOption(name, info, text, origin);
    origins[name] = origin;
  }
  return { values: values as unknown as EngineOptions, origins: origins as ResolvedOptions['origins'] };
}

/** The options that this run was given, by name, in milliseconds and bytes: neither the job's own nor defaults. */
export function givenOptions({ values, origins }: ResolvedOptions): { readonly [name: string]: OptionText } {
  const given = Object.entries<OptionInfo>(ENGINE_OPTIONS).filter(
    ([name]) => !['job', 'default'].includes(origins[name as OptionName]),
  );
  return Object.fromEntries(given.map(([name, { field }]) => [name, values[field as keyof EngineOptions]]));
}

/** The default as somebody would write it: `500 ms`, `64MiB`, `number of cores`. */
export function formatDefault(info: OptionInfo): string {
  if (info.type === 'boolean') return String(info.default);
  if (info.default === 'cores') return 'number of cores';
  return typeof info.default === 'string' ? info.default : formatValue(info, info.default);
}

function firstGiven(name: string, layers: OptionLayers): [text: OptionText | undefined, origin: OptionOrigin] {
  const cli = layers.cli?.[name];
  if (cli !== undefined) return [cli, 'command line'];
  const program = layers.program?.[name];
  if (program !== undefined) return [program, 'program'];
  const env = layers.env?.[envNameOf(name)];
  if (env !== undefined && env !== '') return [env, 'environment'];
  const checkpoint = layers.checkpoint?.[name];
  if (checkpoint !== undefined) return [checkpoint, 'checkpoint'];
  const job = layers.job?.[name];
  if (job !== undefined) return [job, 'job'];
  return [undefined, 'default'];
}

function parseOption(
  name: string,
  info: OptionInfo,
  text: OptionText,
  origin: OptionOrigin,
): number | boolean | string {
  const what = `${origin === 'environment' ? envNameOf(name) : `option ${name}`} (${origin})`;
  if (info.type === 'boolean') return parseBoolean(name, text, what);
  if (info.type === 'choice') return parseChoice(name, info.choices, text, what);
  const value = parseByType(info, text, what);
  if (!(value >= info.min && value <= info.max) || (info.type !== 'number' && !Number.isInteger(value))) {
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

function parseChoice(name: string, choices: readonly string[], text: OptionText, what: string): string {
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

function parseBoolean(name: string, text: OptionText, what: string): boolean {
  const word = String(text).trim();
  if (word === 'true' || word === 'false') return word === 'true';
  throw new EngineError('optionInvalid', `${what} wants true or false, got '${text}'`, { detail: { option: name } });
}

function parseByType(info: NumberOptionInfo, text: OptionText, what: string): number {
  if (typeof text !== 'string' && typeof text !== 'number') return Number.NaN;
  switch (info.type) {
    case 'duration':
      return parseDuration(text, what);
    case 'bytes':
      return parseBytes(text, what);
    case 'integer':
    case 'powerOfTwo':
      return /^\s*\d+\s*$/.test(String(text)) ? Number(text) : Number.NaN;
    case 'number':
      return /^\s*\d+(\.\d+)?\s*$/.test(String(text)) ? Number(text) : Number.NaN;
  }
}

function describeType(info: NumberOptionInfo): string {
  switch (info.type) {
    case 'duration':
      return 'a duration in whole milliseconds';
    case 'bytes':
      return 'a size';
    case 'integer':
      return 'an integer';
    case 'powerOfTwo':
      return 'a power of two';
    case 'number':
      return 'a number';
  }
}

function formatValue(info: NumberOptionInfo, value: number): string {
  if (info.type === 'duration') return formatDuration(value);
  if (info.type === 'bytes') return formatBinaryBytes(value);
  return String(value);
}

const defaultOf = (info: OptionInfo): number | boolean | string =>
  info.type !== 'choice' && info.default === 'cores'
    ? Math.min(info.max, Math.max(1, availableParallelism()))
    : info.default;

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
