import type { Engine } from '../../lib/cli/run-command.js';
import { arg, argInfos, parseArgs } from '../../lib/core/job-args.js';
import type { BatchInfo, RunInfo, RunListener, RunSummary } from '../../lib/driver/run-events.js';

type Settings = Parameters<Engine['startJob']>[1];

const declared = {
  input: arg.path('clicks', 'folder of CSV files'),
  mode: arg.choice(['fast', 'exact'], 'fast', 'how to count'),
  window: arg.duration('30s', 'how long to look back'),
};

/** An engine that runs nothing: a spec tells the events and the end. */
export class FakeEngine implements Engine {
  settings: Settings | undefined;
  opened: string | undefined;
  stops: string[] = [];
  /** Resolves when a run has been started. */
  readonly started: Promise<void>;
  tell: RunListener = () => undefined;
  fail: (error: unknown) => void = () => undefined;
  #started: () => void = () => undefined;
  #end: (summary: RunSummary) => void = () => undefined;

  constructor() {
    this.started = new Promise(resolve => (this.#started = resolve));
  }

  openJob: Engine['openJob'] = async path => {
    this.opened = path;
    return {
      name: 'counts',
      args: argInfos(declared),
      options: { interval: '2s', checkpointInterval: '1m' },
      module: path,
    } as Awaited<ReturnType<Engine['openJob']>>;
  };

  startJob: Engine['startJob'] = async (_job, settings, listener) => {
    parseArgs(declared, settings.args);
    this.settings = settings;
    this.tell = listener;
    const done = new Promise<RunSummary>((resolve, reject) => {
      this.#end = resolve;
      this.fail = reject;
    });
    listener({ kind: 'started', info: runInfo(settings.checkpoint) });
    this.#started();
    return {
      done,
      stop: async mode => {
        this.stops.push(mode);
        this.finish('stopped');
      },
    };
  };

  finish(reason: RunSummary['reason'] = 'finished', part: Partial<RunSummary> = {}): void {
    const summary = { ...emptySummary, ...part, reason };
    this.tell({ kind: 'stopped', summary });
    this.#end(summary);
  }
}

const emptySummary: RunSummary = {
  batches: 3,
  records: 12_345,
  bytes: 500_000,
  badRecords: 0,
  outputRows: 99,
  stateRows: 7,
  failedBatches: 0,
  elapsedMs: 1500,
  reason: 'finished',
};

export function runInfo(checkpoint: string | undefined = '/work/cp'): RunInfo {
  return {
    job: 'counts',
    startedMs: 0,
    intervalMs: 500,
    workers: 2,
    checkpoint,
    deadLetters: '/work/deadletter',
    sources: [{ id: 'files', description: 'CSV files in clicks' }],
    outputs: [{ id: 'saved', label: 'saveAsCsv', description: 'CSV in out/counts', path: '/work/out/counts' }],
  };
}

/** A completed batch; `n` batches of 100 ms have passed since midnight of 1 May 2026, local time. */
export function batchInfo(n: number, part: Partial<BatchInfo> = {}): BatchInfo {
  const time = new Date(2026, 4, 1).getTime() + n * 100;
  return {
    time,
    submittedMs: time,
    startedMs: time + 1,
    completedMs: time + 9,
    schedulingDelayMs: 1,
    processingDelayMs: 8.04,
    totalDelayMs: 9,
    records: 1250,
    recordsBySource: { files: 1250 },
    bytes: 40_000,
    badRecords: 0,
    outputRows: 10,
    stateRows: 7,
    numTasks: 4,
    failedTasks: 0,
    rerun: false,
    progress: { done: 297_600, total: 480_000, unit: 'bytes' },
    ...part,
  };
}
