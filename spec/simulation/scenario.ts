/**
 * What happens in one simulated run, as plain data made from a seed: the job, what arrives when, the options of each
 * start, and every fault. Data, so that a run that fails can be tried again with less of it (shrink.ts).
 */
import { PARTS } from '../helpers/combination-job.js';
import { intBelow, pick, randomOf, shuffled, type Random } from '../helpers/random-values.js';
import type { DiskFault } from './disk.js';
import type { WorkerFault } from './workers.js';

export type SourceKind = 'file' | 'rate' | 'receiver' | 'queue';

/** Something from outside, `ms` after the beginning. A record is `id|word`. */
export type Arrival =
  /** Text at the end of an input file; a record may come in two pieces. */
  | { readonly kind: 'file'; readonly ms: number; readonly name: string; readonly text: string }
  /** To the receiver: acknowledged together when they are on disk, or one by one without an answer. */
  | { readonly kind: 'store'; readonly ms: number; readonly together: boolean; readonly records: readonly string[] }
  | { readonly kind: 'push'; readonly ms: number; readonly records: readonly string[] }
  | { readonly kind: 'broadcast'; readonly ms: number; readonly value: number };

/** `at` counts milliseconds since the beginning, worker requests, or disk operations, of all starts together. */
export type SimFault =
  | { readonly kind: 'kill' | 'power'; readonly at: number; readonly downMs: number }
  | { readonly kind: 'stop'; readonly at: number; readonly limitMs: number | undefined }
  | { readonly kind: 'workerDies'; readonly at: number; readonly slot: number }
  | { readonly kind: 'receiverRestarts'; readonly at: number }
  | { readonly kind: 'request'; readonly at: number; readonly fault: WorkerFault }
  | {
      readonly kind: 'disk';
      readonly at: number;
      /** Counts these only, such as `syncDirectory /out`. */
      readonly of?: string;
      readonly fault: DiskFault;
      /** Of a crash: whether the power goes too. */
      readonly power: boolean;
    };

export type FailingStep = 'task' | 'before' | 'between' | 'after';

export interface Scenario {
  readonly seed: number;
  /** Of combination-job.ts. */
  readonly parts: readonly string[];
  readonly sources: readonly SourceKind[];
  readonly rateTotal: number;
  readonly arrivals: readonly Arrival[];
  /** Options of every start, and of one start after the other, over and over. */
  readonly fixed: SimOptions;
  readonly starts: readonly SimOptions[];
  readonly faults: readonly SimFault[];
  /** Batch times that fail once, by the job's own code. */
  readonly failing: readonly (readonly [time: number, step: FailingStep])[];
  readonly diskMs: number;
  readonly taskMs: number;
  /** After it nothing arrives and nothing goes wrong. */
  readonly endMs: number;
}

export type SimOptions = { readonly [option: string]: string | number };

export const INTERVAL_MS = 1000;
export const ROWS_PER_SECOND = 4;
export const WORDS = ['a', 'b', 'cc', 'dd', 'eee', 'f f'];

const REQUEST_FAULTS: readonly WorkerFault[] = [
  ...(['lose', 'runThenLose', 'answerThenLose', 'hangThenLose', 'throw', 'full'] as const),
  ...(['slow', 'slow', 'late', 'late'] as const),
];
/** About as many as a run has, or more. */
const MAX_REQUESTS = 1500;
const MAX_OPERATIONS = 1000;

export function scenarioOf(seed: number): Scenario {
  const random = randomOf(seed);
  const endMs = 3000 + intBelow(random, 8000);
  const failsBatches = random() < 0.25;
  const onBatchFailure = failsBatches && random() < 0.7 ? 'continue' : pick(random, ['stop', 'stop', 'continue']);
  const faults = faultsOf(random, endMs);
  const failing = failsBatches ? failingOf(random, endMs) : [];
  const anyOrder = isOutOfOrder({ failing, faults, fixed: { onBatchFailure } });
  const names = Object.keys(PARTS).filter(name => !anyOrder || PARTS[name]?.ordered === false);
  const kinds: readonly SourceKind[] = ['file', 'rate', 'receiver', 'queue'];
  const sources = shuffled(random, kinds).slice(0, 1 + intBelow(random, 3));
  return {
    seed,
    parts: shuffled(random, names).slice(0, 1 + intBelow(random, 4)),
    sources,
    rateTotal: 5 + intBelow(random, 40),
    arrivals: arrivalsOf(random, sources, endMs),
    fixed: {
      ...{ onBatchFailure, keyGroups: 8, maxTaskFailures: 20, interval: INTERVAL_MS },
      checkpointInterval: pick(random, [1, 1, 1000, 3000, 60_000]),
      rollBytes: pick(random, [1, 200, 1 << 20]),
    },
    starts: Array.from({ length: 4 }, () => startOptions(random)),
    ...{ faults, failing },
    diskMs: pick(random, [0.01, 0.2, 2]),
    taskMs: pick(random, [0.1, 2, 20]),
    endMs,
  };
}

/**
 * Whether batches may be put out in another order than that of their times: one that is left out, because the job's code
 * fails or a disk, comes late. Only what does not depend on the order is the same then.
 */
export const isOutOfOrder = ({ failing, faults, fixed }: Pick<Scenario, 'failing' | 'faults' | 'fixed'>): boolean =>
  fixed['onBatchFailure'] === 'continue' &&
  (failing.length > 0 || faults.some(fault => fault.kind === 'disk' && fault.fault !== 'crash'));

function startOptions(random: Random): SimOptions {
  return {
    workers: 1 + intBelow(random, 3),
    concurrentJobs: 1 + intBelow(random, 3),
    speculation: pick(random, ['off', 'on']),
    speculationMinTime: pick(random, [0, 20, 100]),
    smallBatchRecords: pick(random, [0, 5, 2000]),
    backpressure: pick(random, ['true', 'false']),
    pidMinRate: pick(random, [5, 100]),
    initialRate: pick(random, [0, 0, 10]),
    maxBatchRecords: pick(random, [3, 20, 10_000]),
    maxBatchBytes: pick(random, [40, 400, 1 << 20]),
    jitter: pick(random, [0, 0, 300]),
    taskTimeout: pick(random, [2000, 20_000]),
    maxSlotFailures: pick(random, [1, 3]),
    excludeTime: pick(random, [500, 10_000]),
    blockInterval: pick(random, [20, 200]),
    receiverQueueBytes: pick(random, [50, 1 << 20]),
  };
}

function arrivalsOf(random: Random, sources: readonly SourceKind[], endMs: number): Arrival[] {
  let numRecords = 0;
  const records = (of: string, count: number): string[] =>
    Array.from({ length: count }, () => `${of}${++numRecords}|${pick(random, WORDS)}`);
  const times = (count: number): number[] =>
    Array.from({ length: count }, () => intBelow(random, endMs)).toSorted((a, b) => a - b);
  const arrivals: Arrival[] = times(intBelow(random, 4)).map((ms, i) => ({ kind: 'broadcast', ms, value: i + 1 }));
  if (sources.includes('file')) {
    for (let file = 1 + intBelow(random, 4); file > 0; file--) {
      const text = records(`f${file}-`, 1 + intBelow(random, 15))
        .map(line => `${line}\n`)
        .join('');
      const at = times(1 + intBelow(random, 3));
      const cuts = [
        0,
        ...at
          .slice(1)
          .map(() => intBelow(random, text.length))
          .toSorted((a, b) => a - b),
        text.length,
      ];
      at.forEach((ms, i) =>
        arrivals.push({ kind: 'file', ms, name: `f${file}`, text: text.slice(cuts[i], cuts[i + 1]) }),
      );
    }
  }
  if (sources.includes('receiver')) {
    for (const ms of times(3 + intBelow(random, 15)))
      arrivals.push({ kind: 'store', ms, together: random() < 0.6, records: records('r', 1 + intBelow(random, 5)) });
  }
  if (sources.includes('queue')) {
    for (const ms of times(3 + intBelow(random, 15)))
      arrivals.push({ kind: 'push', ms, records: records('q', intBelow(random, 6)) });
  }
  return arrivals.toSorted((a, b) => a.ms - b.ms);
}

function faultsOf(random: Random, endMs: number): SimFault[] {
  const faults: SimFault[] = [];
  const some = (most: number): number[] => Array.from({ length: intBelow(random, most + 1) }, () => 0);
  for (const _ of some(3)) {
    const kind = pick(random, ['kill', 'power'] as const);
    faults.push({ kind, at: busyMs(random, endMs), downMs: intBelow(random, 4000) });
  }
  for (const _ of some(2))
    faults.push({ kind: 'stop', at: intBelow(random, endMs), limitMs: pick(random, [undefined, undefined, 50, 3000]) });
  for (const _ of some(3)) faults.push({ kind: 'workerDies', at: intBelow(random, endMs), slot: intBelow(random, 3) });
  for (const _ of some(1)) faults.push({ kind: 'receiverRestarts', at: intBelow(random, endMs) });
  for (const _ of some(6)) {
    const fault = pick(random, ['crash', 'crash', 'EIO', 'ENOSPC'] as const);
    // Some at random, and some so that as many are among the first few operations of a run as among its last hundreds.
    const at = random() < 0.5 ? intBelow(random, MAX_OPERATIONS) : Math.floor(4 * (MAX_OPERATIONS / 4) ** random());
    faults.push({ kind: 'disk', at, fault, power: random() < 0.6 });
  }
  const rate = pick(random, [0, 0.02, 0.05, 0.1, 0.2]);
  for (let at = 0; at < MAX_REQUESTS; at++)
    if (random() < rate) faults.push({ kind: 'request', at, fault: pick(random, REQUEST_FAULTS) });
  return faults;
}

/** Half of them shortly after a batch time, when there is something to interrupt. */
const busyMs = (random: Random, endMs: number): number =>
  random() < 0.5
    ? intBelow(random, endMs)
    : intBelow(random, endMs / INTERVAL_MS) * INTERVAL_MS + Math.floor(400 * random() ** 2);

function failingOf(random: Random, endMs: number): Scenario['failing'] {
  const steps: readonly FailingStep[] = ['task', 'before', 'between', 'after'];
  return Array.from({ length: Math.floor(endMs / INTERVAL_MS) }, (_, i) => (i + 1) * INTERVAL_MS).flatMap(ms =>
    random() < 0.3 ? [[ms, pick(random, steps)] as const] : [],
  );
}
