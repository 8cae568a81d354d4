/**
 * Drives a random job through crashes, faults and failing batches until all its input is put out. Batch k (from 1) of
 * the input is that of k seconds, however often the engine is started on the way.
 */
import { VirtualClock } from '../../lib/core/clock.js';
import type { DeclaredOptions } from '../../lib/core/options.js';
import { BatchQueue } from '../../lib/api/batch-queue.js';
import type { Fault } from '../../lib/driver/in-process-runner.js';
import type { WorkerReply, WorkerRequest } from '../../lib/protocol/messages.js';
import type { TaskRunner } from '../../lib/protocol/task-runner.js';
import { newSeen, type CombinationJob, type CombinationWorld, type Seen } from './combination-job.js';
import { expectNothingLeft } from './expect-stream.js';
import { ModelFileSystem } from './model-file-system.js';
import { intBelow, pick, type Random } from './random-values.js';
import { runEngine, turn, type TestRun } from './run-engine.js';

export interface CombinationPlan {
  readonly job: CombinationJob;
  readonly input: readonly (readonly string[])[];
  /** Of each start of the engine. */
  readonly options: () => DeclaredOptions;
  /** Undefined for a run without any trouble. */
  readonly trouble: Trouble | undefined;
  /** Of a run without trouble: hears what workers are asked. */
  readonly onRequest?: (request: WorkerRequest) => void;
}

export interface Trouble {
  readonly random: Random;
  /** Part of all requests that a worker fails. */
  readonly faultRate: number;
  /** Part of all tasks that find the memory full. */
  readonly fullRate: number;
  /** How often the engine is ended at a random moment. */
  readonly crashes: number;
  /** Times of batches that fail once, and how. */
  readonly failing: ReadonlyMap<number, 'task' | 'before' | 'between' | 'after'>;
  readonly replacesBroadcast: boolean;
}

export interface Outcome {
  readonly rows: { readonly [nameAndTime: string]: string };
  /** By path: sorted lines. */
  readonly files: { readonly [path: string]: readonly string[] };
  /** The same as they are, and rows in the order in which they came. */
  readonly exact: readonly (readonly [string, string])[];
  readonly problems: readonly string[];
}

const FAULTS: readonly Fault[] = ['lose', 'runThenLose', 'answerThenLose', 'hangThenLose', 'throw'];
const FULL: WorkerReply = {
  ok: false,
  failure: { kind: 'engineError', code: 'memoryLimit', message: 'full', detail: '{}' },
};
const INTERVAL_MS = 1000;
/** Turns of the event loop, and real time, after which a batch counts as stuck: a machine may be busy with other things. */
const STUCK_TURNS = 20_000;
const STUCK_MS = 10_000;

/** Gives the batch of each time, whatever was planned before: its clock and the last batch say which time is planned. */
class InputQueue extends BatchQueue<string> {
  readonly #input: readonly (readonly string[])[];
  /** Of the last batch that was planned. */
  lastMs = 0;
  clock = new VirtualClock(0);

  constructor(input: readonly (readonly string[])[]) {
    super();
    this.#input = input;
  }

  override shift(): readonly string[] | undefined {
    this.lastMs = Math.max(this.clock.now(), this.lastMs + INTERVAL_MS);
    return this.#input[this.lastMs / INTERVAL_MS - 1];
  }

  override get length(): number {
    return 0;
  }
}

/** Runs until every batch is committed, and stops in good order. */
export async function runCombination(plan: CombinationPlan): Promise<Outcome> {
  const queue = new InputQueue(plan.input);
  const seen = newSeen();
  const failing = new Map(plan.trouble?.failing);
  const world: CombinationWorld = { queue, seen, broadcast: undefined, failing };
  const fs = new ModelFileSystem();
  const random = plan.trouble?.random ?? (() => 0.5);
  let crashes = plan.trouble?.crashes ?? 0;
  let starts = 0;
  /** Every batch up to this time was planned. */
  let knownMs = 0;
  for (;;) {
    if (++starts > 60) throw new Error('it does not come to an end');
    const clock = new VirtualClock(Math.max(INTERVAL_MS, knownMs));
    queue.clock = clock;
    // Plans nothing at once but the first batch, or the one after a batch that died as its commit was durable.
    queue.lastMs = knownMs === 0 ? 0 : knownMs + INTERVAL_MS;
    world.broadcast = undefined;
    const crashing = crashes > 0;
    if (crashing) crashes--;
    const byOperation = crashing && random() < 0.6;
    if (byOperation) fs.downAt(fs.numOperations + intBelow(random, 150));
    const run = await start(plan, world, clock, fs).catch((error: unknown) => {
      if (!fs.isDown) throw error;
      return undefined;
    });
    const end = crashing && !byOperation ? intBelow(random, plan.input.length) + 1 : Number.POSITIVE_INFINITY;
    const isDone = run !== undefined && (await drive(plan, run, world, queue, clock, random, end));
    if (run !== undefined && isDone) {
      await run.engine.stop();
      await run.engine.done.catch((error: unknown) => {
        if (!fs.isDown && failing.size === 0) throw error;
      });
      checkEvents(run, seen);
      if (run.events.at(-1)?.kind === 'stopped' && !fs.isDown) {
        await settle();
        if (!hasFailed(run)) expectNothingLeft(run, clock);
      }
      if (!fs.isDown && !hasFailed(run)) break;
    }
    if (run !== undefined) {
      await run.engine.abort();
      await settle();
      checkEvents(run, seen);
      knownMs = Math.max(knownMs, ...run.batches.map(({ time }) => time));
    }
    const unwanted = run?.events.find(event => event.kind === 'batchFailed' && !failing.has(event.time));
    if (unwanted !== undefined && !fs.isDown) throw new Error(JSON.stringify(unwanted));
    // A batch fails in one run; the next one puts it out.
    if (run !== undefined && hasFailed(run)) for (const time of failedTimes(run)) failing.delete(time);
    const power = random() < 0.5;
    fs.crash(power ? { kind: 'power', random } : { kind: 'kill' });
  }
  // A start after the last commit may plan one more, without input.
  const isWithin = (name: string): boolean => {
    const time = /\d{4,}/.exec(name);
    return time === null || Number(time[0]) <= plan.input.length * INTERVAL_MS;
  };
  const rows = Object.fromEntries([...seen.rows].filter(([name]) => isWithin(name)).toSorted());
  const files = Object.fromEntries(Object.entries(filesOf(fs)).filter(([name]) => isWithin(name)));
  const outputs = fs.paths().filter(path => path.startsWith('/out/') && !path.includes('/.'));
  const texts = outputs.map(path => [path, Buffer.from(fs.bytesOf(path)).toString()] as const);
  return { rows, files, exact: [...texts, ...seen.exact].toSorted(), problems: seen.problems };
}

const failedTimes = (run: TestRun): number[] =>
  run.events.flatMap(event => (event.kind === 'batchFailed' ? [event.time] : []));
const hasFailed = (run: TestRun): boolean => failedTimes(run).length > 0;

async function settle(): Promise<void> {
  for (let i = 0; i < 20; i++) await turn();
}

function start(
  plan: CombinationPlan,
  world: CombinationWorld,
  clock: VirtualClock,
  fs: ModelFileSystem,
): Promise<TestRun> {
  const { trouble } = plan;
  const settings = { clock, fs, checkpoint: '/checkpoint', options: plan.options() };
  if (trouble === undefined) {
    const listening = (runner: TaskRunner): TaskRunner => ({
      numSlots: runner.numSlots,
      memories: runner.memories,
      stop: () => runner.stop(),
      submit(slot, request, timeoutMs) {
        plan.onRequest?.(request);
        return runner.submit(slot, request, timeoutMs);
      },
    });
    return runEngine(plan.job.make(world), { ...settings, wrapRunner: listening });
  }
  const { random, faultRate, fullRate } = trouble;
  const faults = (_slot: number, { kind }: WorkerRequest): Fault | undefined => {
    if (random() >= faultRate) return undefined;
    const fault = pick(random, FAULTS);
    return fault === 'throw' && !kind.startsWith('task') ? undefined : fault;
  };
  const wrapRunner = (runner: TaskRunner): TaskRunner => ({
    numSlots: runner.numSlots,
    memories: runner.memories,
    stop: () => runner.stop(),
    async submit(slot, request, timeoutMs) {
      const isFull = request.kind.startsWith('task') && random() < fullRate;
      const reply = isFull ? FULL : await runner.submit(slot, request, timeoutMs);
      for (let turns = intBelow(random, 4); turns > 0; turns--) await turn();
      return reply;
    },
  });
  return runEngine(plan.job.make(world), { ...settings, faults, wrapRunner });
}

/** Moves time on, batch by batch. @returns whether all batches are through; false when the run ended or is to be ended now */
async function drive(
  plan: CombinationPlan,
  run: TestRun,
  world: CombinationWorld,
  queue: InputQueue,
  clock: VirtualClock,
  random: Random,
  end: number,
): Promise<boolean> {
  let ended = false;
  const onEnd = (): void => {
    ended = true;
  };
  run.engine.done.then(onEnd, onEnd);
  const timesOf = (kind: 'batchSubmitted' | 'batchStarted'): number[] =>
    run.events.flatMap(event => (event.kind === kind ? [event.time] : []));
  const restored = run.events.flatMap(event => (event.kind === 'restored' ? [event.lastBatchTime] : []));
  const planned = (): number => Math.max(0, ...restored, ...timesOf('batchSubmitted'));
  let plannedMs = planned();
  const until = async (what: string, holds: () => boolean): Promise<void> => {
    const giveUpMs = performance.now() + STUCK_MS;
    for (let turns = 0; !holds() && !ended; turns++) {
      if (turns > STUCK_TURNS && performance.now() > giveUpMs)
        throw new Error(`stuck: ${what}; ${JSON.stringify(run.events.slice(-6))}`);
      await turn();
    }
  };
  const allStarted = (): boolean => {
    const submitted = timesOf('batchSubmitted');
    return submitted.length === timesOf('batchStarted').length;
  };
  const allDone = (): boolean => run.batches.length + failedTimes(run).length >= timesOf('batchSubmitted').length;
  // The very first batch is planned at the start.
  if (plannedMs === 0) await until('the first plan', () => timesOf('batchSubmitted').length > 0);
  for (let turns = 0; turns < 10; turns++) await turn();
  queue.lastMs = plannedMs = planned();
  for (let step = 1; !ended; step++) {
    await until('a start', allStarted);
    if (random() < 0.4) await until('a batch', allDone);
    else for (let turns = intBelow(random, 30); turns > 0; turns--) await turn();
    plannedMs = Math.max(plannedMs, ...timesOf('batchSubmitted'));
    if (plan.trouble?.replacesBroadcast === true && random() < 0.4) world.broadcast?.replace(plannedMs + step / 1000);
    if (step > end) return false;
    if (plannedMs >= plan.input.length * INTERVAL_MS) break;
    const nowMs = clock.now() + INTERVAL_MS;
    const before = timesOf('batchSubmitted').length;
    clock.advanceTo(nowMs);
    if (nowMs !== plannedMs) await until('a plan', () => timesOf('batchSubmitted').length > before);
  }
  await until('the last batch', allDone);
  return !ended;
}

/** What is told of each batch comes in its order. */
function checkEvents(run: TestRun, seen: Seen): void {
  const order = ['batchSubmitted', 'batchStarted', 'batchCompleted'];
  const reached = new Map<number, number>();
  for (const event of run.events) {
    const step = order.indexOf(event.kind);
    if (step < 0) continue;
    const time = event.kind === 'batchCompleted' ? event.batch.time : 'time' in event ? event.time : 0;
    if ((reached.get(time) ?? -1) !== step - 1) seen.problems.push(`${event.kind} of batch ${time} out of order`);
    reached.set(time, step);
  }
}

function filesOf(fs: ModelFileSystem): Outcome['files'] {
  const paths = fs.paths().filter(path => path.startsWith('/out/') && !path.includes('/.'));
  const byName: { [path: string]: string[] } = {};
  for (const path of paths.toSorted()) {
    // How a batch is cut into parts is a matter of how many workers there are.
    const name = path.replace(/\/part-\d+$/, '/part');
    const text = Buffer.from(fs.bytesOf(path)).toString();
    if (name.endsWith('_SUCCESS')) byName[name] = [];
    else (byName[name] ??= []).push(...text.split('\n').filter(line => line !== ''));
  }
  return Object.fromEntries(
    Object.entries(byName).flatMap(([name, lines]) =>
      name.endsWith('_SUCCESS') || lines.length > 0 ? [[name, lines.toSorted()]] : [],
    ),
  );
}
