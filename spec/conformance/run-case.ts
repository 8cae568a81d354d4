/** Runs one case through the public API on the whole engine, on a virtual clock: in one thread, or on worker threads. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { VirtualClock } from '../../lib/core/clock.js';
import { EngineError } from '../../lib/core/errors.js';
import { NodeFileSystem } from '../../lib/core/node-file-system.js';
import type { DeclaredOptions } from '../../lib/core/options.js';
import type { Job } from '../../lib/api/job.js';
import { loadJobModule } from '../../lib/driver/job-module.js';
import { expectNothingLeft } from '../helpers/expect-stream.js';
import { ModelFileSystem } from '../helpers/model-file-system.js';
import { runEngine, type TestRun } from '../helpers/run-engine.js';
import * as inProcess from './case-job.js';
import type { OutputBatch } from './case-job.js';
import type { InputBatch, Pipeline } from './cases.js';
import type { AnyStream } from './operations.js';

export interface CaseRun {
  readonly pipeline: Pipeline;
  readonly intervalMs: number;
  /** What is pushed before each batch, stream by stream: for most cases one batch each. */
  readonly pushes: readonly (readonly (readonly InputBatch[])[])[];
  /** Partitions of the input, and of every shuffle that the case doesn't give a number of its own. */
  readonly partitions: number;
  /** Ends the engine without goodbye after these batches (from 1), and starts another on the same checkpoint. */
  readonly crashAfter: (batch: number) => boolean;
  /** Default: in this one. */
  readonly threads?: 'this' | 'workers';
  readonly options?: DeclaredOptions;
  /** For how long batches are kept; default: they are not. */
  readonly rememberMs?: number;
  /** Of the driver's stream, while the job still runs. */
  readonly afterwards?: (stream: AnyStream) => Promise<void>;
}

export interface CaseOutput {
  /** Of each batch that was put out, in order. */
  readonly batches: readonly OutputBatch[];
  /** What ended the run. */
  readonly error: unknown;
}

interface CaseModule {
  /** Path of the compiled module; empty: there is none. */
  readonly path: string;
  readonly job: Job;
  readonly state: inProcess.CaseState;
  readonly reset: (numStreams: number) => void;
}

const HERE: CaseModule = { path: '', job: inProcess.default, ...inProcess };

const root = join(import.meta.dirname, '..', '..');
let compiled: Promise<CaseModule> | undefined;

/** The case's job as worker threads load it, with the package as it is built. */
async function compile(): Promise<CaseModule> {
  const { module, exports } = await loadJobModule(join(import.meta.dirname, 'case-job.ts'), {
    sluiceEntry: join(root, 'dist', 'index.js'),
  });
  const { default: job, state, reset } = exports as unknown as typeof inProcess;
  return { path: module, job, state, reset };
}

export async function runCase(request: CaseRun): Promise<CaseOutput> {
  const { pipeline, intervalMs, pushes, partitions, crashAfter, afterwards } = request;
  const { path, job, state, reset } = request.threads === 'workers' ? await (compiled ??= compile()) : HERE;
  const streams = pushes[0]?.length ?? 1;
  reset(streams);
  const clock = new VirtualClock(0);
  const args = { pipeline: JSON.stringify(pipeline), streams, remember: request.rememberMs ?? 0 };
  const options = { interval: intervalMs, workers: partitions, checkpointInterval: 2 * intervalMs, ...request.options };
  const workerFile = join(root, 'dist', 'executor', 'worker.js');
  const model = new ModelFileSystem();
  // Workers write snapshots themselves, to the disk.
  const folder = path === '' ? '' : mkdtempSync(join(tmpdir(), 'sluice-'));
  const place =
    path === ''
      ? { fs: model, checkpoint: '/checkpoint' }
      : { fs: new NodeFileSystem(), checkpoint: join(folder, 'checkpoint'), threads: { module: path, workerFile } };
  const start = (): Promise<TestRun> => runEngine(job, { clock, args, options, ...place });
  let run: TestRun | undefined;
  let error: unknown;
  for (const [index, batches] of pushes.entries()) {
    batches.forEach((pushed, stream) => state.queues[stream]?.push(...pushed));
    if (run !== undefined) await run.next();
    else {
      clock.advanceTo((index + 1) * intervalMs);
      run = await start();
      await run.batchesDone(1);
    }
    if (run.batches.at(-1)?.time !== (index + 1) * intervalMs) {
      error = await run.engine.done.catch((thrown: unknown) => thrown);
      if (!(error instanceof EngineError)) throw new Error(`batch ${index + 1} was not completed`, { cause: error });
      break;
    }
    if (crashAfter(index + 1)) {
      await run.engine.abort();
      model.crash();
      run = undefined;
    }
  }
  if (run !== undefined && error === undefined) {
    if (state.stream !== undefined) await afterwards?.(state.stream);
    await run.engine.stop();
    await run.engine.done;
    expectNothingLeft(run, clock);
  }
  if (folder !== '') rmSync(folder, { recursive: true });
  return { batches: [...state.byTime].toSorted(([a], [b]) => a - b).map(([, batch]) => batch), error };
}
