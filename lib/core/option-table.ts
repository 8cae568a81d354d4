/**
 * The engine's options as one table: what the types, the checks, the command line's help, the documentation and the specs
 * are made from. How a value is found and read: `options.ts`.
 */

export type OptionInfo = NumberOptionInfo | BooleanOptionInfo | ChoiceOptionInfo;

export interface NumberOptionInfo extends OptionDoc {
  /**
   * duration: `500ms`, `2s`, or milliseconds; bytes: `64MiB`, or bytes; powerOfTwo: an integer that is one; number: any,
   * with a fraction or without.
   */
  readonly type: 'duration' | 'integer' | 'bytes' | 'powerOfTwo' | 'number';
  /** In milliseconds or bytes; `cores` is the number of cores that the process may use, `halfOfMemory` half of the memory. */
  readonly default: number | 'cores' | 'halfOfMemory';
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
  onPoison: {
    field: 'onPoison',
    type: 'choice',
    default: 'fail',
    choices: ['fail', 'deadletter'],
    doc: 'what becomes of a record that a task fails on at every attempt; fail: its batch fails; deadletter: it is found, put aside, and the batch goes on without it',
  },
  maxPoisonRecords: {
    field: 'maxPoisonRecords',
    type: 'integer',
    default: 10,
    min: 1,
    max: 10_000,
    doc: 'records of one batch that are put aside in that way at the most; with one more the batch fails',
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
  smallBatchRecords: {
    field: 'smallBatchRecords',
    type: 'integer',
    default: 2000,
    min: 0,
    max: 1_000_000_000,
    doc: 'up to so many input records the tasks of a batch run one after another on one worker, while that is quick; 0: never',
  },
  smallBatchBytes: {
    field: 'smallBatchBytes',
    type: 'bytes',
    default: 256 * 1024,
    min: 0,
    max: GIB,
    doc: 'the same for input bytes: a batch that has more of either is computed by all workers at once',
  },
  slotMemory: {
    field: 'slotMemoryBytes',
    type: 'bytes',
    default: GIB,
    min: 16 * 1024 ** 2,
    max: 4 * GIB - 65536,
    doc: 'memory that one worker may use for blocks and state; state beyond three quarters of it goes to further memories',
    spark: 'spark.executor.memory',
  },
  maxBlockBytes: {
    field: 'maxBlockBytes',
    type: 'bytes',
    default: 0,
    min: 0,
    max: 4 * GIB,
    doc: 'shuffled and kept rows that one worker may have in memory; what was not used for longest goes to files; 0: half of slotMemory',
  },
  maxStateBytes: {
    field: 'maxStateBytes',
    type: 'bytes',
    default: 'halfOfMemory',
    min: 64 * 1024,
    max: 1024 * GIB,
    doc: 'memory that the state of all workers may have, tables and indexes; what is beyond goes where stateSpill says',
  },
  stateSpill: {
    field: 'stateSpill',
    type: 'choice',
    default: 'off',
    choices: ['off', 'disk'],
    doc: "state beyond maxStateBytes: off, the job ends with stateLimit; disk, it goes to files in the checkpoint's folder spill",
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
  spareWorkers: {
    field: 'spareWorkers',
    type: 'integer',
    default: 1,
    min: 0,
    max: 64,
    doc: 'worker threads that wait with the job loaded, each to take the place of one that is lost; 0, and under --once: a thread is started then',
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
export const DEPLOYMENT_OPTIONS = [
  'workers',
  'slotMemory',
  'maxBlockBytes',
  'maxStateBytes',
  'stateSpill',
  'workerHeap',
  'spareWorkers',
] as const satisfies readonly OptionName[];

export type DeploymentOption = (typeof DEPLOYMENT_OPTIONS)[number];

/** What a job file may declare: `{ interval: '2s', slotMemory: '2GiB' }`, or plain numbers in milliseconds and bytes. */
export type DeclaredOptions = {
  readonly [N in OptionName]?: TypeOf<N> extends 'boolean' ? string | boolean : string | number;
};
