/** Runs a scenario from its first start to the last record, through every fault, and judges what came of it. */
import { EngineError } from '../../lib/core/errors.js';
import { ModelFileSystem } from '../helpers/model-file-system.js';
import { intBelow, randomOf, type Random } from '../helpers/random-values.js';
import { turn } from '../helpers/run-engine.js';
import type { Disk, DiskFault } from './disk.js';
import { InputFolder } from './input-folder.js';
import { judge } from './judge.js';
import { Observed } from './observed.js';
import type { Arrival, Scenario, SimFault, SimOptions } from './scenario.js';
import { INPUT, newWorld, simJob, type SimWorld } from './sim-job.js';
import { startDriver, warmUp, type Driver } from './start-driver.js';
import { Simulation, START_MS } from './world.js';
import type { WorkerFault } from './workers.js';

export interface SimResult {
  /** What was wrong; empty when nothing was. */
  readonly violations: readonly string[];
  readonly trace: readonly string[];
  readonly counts: ReadonlyMap<string, number>;
  readonly virtualMs: number;
}

/** Virtual time without any news after which a run hangs, and after the scenario's end for all of it to be through. */
const SILENT_MS = 600_000;
const DRAIN_MS = 3_600_000;
const MAX_STARTS = 40;
/** Turns of the event loop without a timer after which nothing will ever happen. */
const IDLE_TURNS = 100;
/** What ends a run when its disk fails; nothing else may. */
const DISK_CODES = ['checkpointUnwritable', 'outputUnwritable', 'sinkFailed', 'batchFailed', 'sourceFailed'];

const TAKES_SPACE = ['write', 'open w', 'open wx', 'mkdir', 'link', 'rename'];

type DiskFaultPlan = Extract<SimFault, { kind: 'disk' }>;

class Run {
  readonly simulation: Simulation;
  readonly files = new ModelFileSystem();
  readonly observed = new Observed();
  readonly world: SimWorld;
  readonly #scenario: Scenario;
  readonly #input: InputFolder;
  readonly #power: Random;
  readonly #requestFaults: ReadonlyMap<number, WorkerFault>;
  readonly #diskFaults: readonly DiskFaultPlan[];
  /** How often each was done. */
  readonly #operations = new Map<string, number>();
  #numRequests = 0;
  #numOperations = 0;
  #driver: Driver | undefined;
  #diskFailed = false;
  #lastDiskFault: DiskFaultPlan | undefined;
  #crash: { readonly power: boolean; readonly downMs: number } | undefined;

  constructor(scenario: Scenario) {
    this.#scenario = scenario;
    this.simulation = new Simulation(scenario.seed);
    this.#input = new InputFolder(INPUT, () => this.simulation.clock.now());
    this.#power = randomOf(scenario.seed + 1);
    this.world = newWorld(this.observed, new Map(scenario.failing.map(([ms, step]) => [START_MS + ms, step])));
    const { faults } = scenario;
    this.#requestFaults = new Map(
      faults.flatMap(fault => (fault.kind === 'request' ? [[fault.at, fault.fault] as const] : [])),
    );
    this.#diskFaults = faults.filter(fault => fault.kind === 'disk');
  }

  get #isOver(): boolean {
    return this.simulation.clock.now() >= START_MS + this.#scenario.endMs;
  }

  async run(): Promise<void> {
    const { simulation, world, observed } = this;
    const { arrivals, faults } = this.#scenario;
    for (const arrival of arrivals) simulation.clock.setTimer(START_MS + arrival.ms, () => this.#arrive(arrival));
    for (const fault of faults) {
      if (fault.kind === 'request' || fault.kind === 'disk') continue;
      simulation.clock.setTimer(START_MS + fault.at, () => this.#strike(fault));
    }
    for (let starts = 0; ; starts++) {
      if (starts > MAX_STARTS) throw new Error(`${MAX_STARTS} starts, and it does not come to an end`);
      const driver = this.#start(starts);
      await this.#drive(driver);
      this.#driver = undefined;
      const failed = driver.events.flatMap(event => (event.kind === 'batchFailed' ? [event.time] : []));
      const wasOver = this.#isOver;
      if (this.#crash !== undefined) await this.#goDown(driver, this.#crash);
      else this.#checkEnd(driver, failed);
      // A batch fails in one run; the next one puts it out.
      for (const time of failed) world.failing.delete(time);
      const isWhole = this.#crash === undefined && driver.ended?.error === undefined && failed.length === 0;
      this.#crash = undefined;
      if (observed.seen.problems.length > 0) return;
      if (wasOver && isWhole && this.#missing().length === 0) return;
    }
  }

  #start(starts: number): Driver {
    const { simulation, world } = this;
    const { fixed, starts: options, diskMs, taskMs, sources } = this.#scenario;
    world.broadcast = undefined;
    world.receiver = undefined;
    this.#diskFailed = false;
    simulation.count('starts');
    const disk: Disk = {
      files: this.files,
      fastMs: diskMs,
      faultOf: (operation, path) => this.#diskFault(operation, path),
      onFault: fault => this.#diskFaulted(fault),
    };
    const more: SimOptions = options[starts % options.length] ?? {};
    this.#driver = startDriver({
      ...{ simulation, disk, taskMs, name: `driver${starts}` },
      job: simJob(this.#scenario, sources, world),
      options: { ...fixed, ...more },
      input: this.#input,
      faultOf: ({ kind }) => {
        const fault = this.#requestFaults.get(this.#numRequests++);
        if (fault === undefined || this.#isOver) return undefined;
        // Only what is computed may fail by itself.
        if ((fault === 'throw' || fault === 'full') && !kind.startsWith('task')) return undefined;
        simulation.count(`request ${fault}`);
        return fault;
      },
    });
    return this.#driver;
  }

  /** Lets time pass until the driver has ended or is to die. */
  async #drive(driver: Driver): Promise<void> {
    const { simulation } = this;
    let idleTurns = 0;
    let numSeen = 0;
    while (driver.ended === undefined && this.#crash === undefined) {
      if (await simulation.step()) idleTurns = 0;
      else if (++idleTurns > IDLE_TURNS) throw new Error(`nothing will ever happen again: ${this.#describe(driver)}`);
      const nowMs = simulation.clock.now();
      if (nowMs - driver.lastEventMs > SILENT_MS && !this.#isDoneBut(driver))
        throw new Error(`no news for ${SILENT_MS / 60_000} minutes: ${this.#describe(driver)}`);
      if (nowMs > START_MS + this.#scenario.endMs + DRAIN_MS)
        throw new Error(`[${this.#missing().slice(0, 5).join(', ')}] came into no batch: ${this.#describe(driver)}`);
      if (driver.events.length === numSeen) continue;
      numSeen = driver.events.length;
      if (this.#isOver && !driver.stopping && driver.engine !== undefined && this.#isDoneBut(driver))
        this.#stop(driver);
    }
  }

  /** Whether all that arrived is in batches, and the driver had some more; what failed is for the next start. */
  #isDoneBut(driver: Driver): boolean {
    const done = driver.events.filter(event => event.kind === 'batchCompleted').length;
    if (done < 2 || this.world.queue.length > 0) return false;
    return driver.events.some(event => event.kind === 'batchFailed') || this.#missing().length === 0;
  }

  #stop(driver: Driver, timeoutMs?: number): void {
    driver.stopping = true;
    this.simulation.note(driver.process.name, 'is told to stop');
    void driver.engine?.stop(timeoutMs === undefined ? {} : { timeoutMs });
  }

  /** The process dies, and the power with it or not; time passes until the next start. */
  async #goDown(
    driver: Driver,
    { power, downMs }: { readonly power: boolean; readonly downMs: number },
  ): Promise<void> {
    const { simulation } = this;
    driver.process.end();
    simulation.note(driver.process.name, power ? 'loses power' : 'is killed');
    simulation.count(power ? 'power losses' : 'kills');
    // What was on its way in the dead process comes to rest.
    await turn();
    this.files.crash(power ? { kind: 'power', random: this.#power } : { kind: 'kill' });
    // The program that held the queue is the driver.
    while (this.world.queue.length > 0) this.world.queue.shift();
    const upMs = simulation.clock.now() + downMs;
    while ((simulation.clock.nextTimerMs() ?? Infinity) <= upMs) await simulation.step();
    simulation.clock.advanceTo(upMs);
  }

  /** What may end a run that did not die. */
  #checkEnd(driver: Driver, failed: readonly number[]): void {
    const { problems } = this.observed.seen;
    const error = driver.ended?.error;
    const { name } = driver.process;
    if (error === undefined) {
      if (failed.length === 0 && driver.engine?.numBlocks !== 0)
        problems.push(`${name} ended with ${driver.engine?.numBlocks} blocks`);
      if (driver.process.numTimers > 0) problems.push(`${name} ended with ${driver.process.numTimers} timers`);
      driver.process.end();
      return;
    }
    const { code, message } = error instanceof EngineError ? error : { code: 'none', message: String(error) };
    const isExpected =
      (this.#diskFailed && DISK_CODES.includes(code)) ||
      (code === 'stopTimeout' && driver.stopping) ||
      (code === 'batchFailed' && failed.every(time => this.world.failing.has(time)) && failed.length > 0) ||
      (code === 'sinkFailed' && failed.length > 0);
    if (!isExpected) problems.push(`${name} ended with ${code}: ${message}`);
    this.simulation.count(`ended by ${code}`);
    driver.process.end();
    // The queue's program goes on; what was planned of it and is not in the log is gone with the run.
  }

  #arrive(arrival: Arrival): void {
    const { simulation, world, observed } = this;
    switch (arrival.kind) {
      case 'file':
        this.#input.append(arrival.name, arrival.text);
        simulation.note('outside', `${arrival.text.length} bytes in ${arrival.name}`);
        return;
      case 'push':
        if (this.#driver === undefined) return;
        world.queue.push(arrival.records);
        for (const record of arrival.records) observed.possible.add(record);
        return;
      case 'broadcast':
        world.broadcast?.replace(arrival.value);
        return;
      case 'store':
        return this.#store(arrival);
    }
  }

  #store({ together, records }: Extract<Arrival, { kind: 'store' }>): void {
    const { simulation, world, observed } = this;
    const { receiver } = world;
    if (this.#driver === undefined || receiver === undefined) return;
    try {
      if (!receiver.isStarted) return;
    } catch {
      // Made, and not yet given to whoever runs it.
      return;
    }
    for (const record of records) observed.possible.add(record);
    if (!together) {
      for (const record of records) receiver.store(record).catch(() => undefined);
      return;
    }
    const acknowledge = (): void => {
      simulation.count('acknowledged');
      for (const record of records) observed.certain.add(record);
    };
    receiver.store(records).then(acknowledge, () => undefined);
  }

  #strike(fault: Exclude<SimFault, { kind: 'request' | 'disk' }>): void {
    const driver = this.#driver;
    if (driver === undefined || this.#crash !== undefined) return;
    switch (fault.kind) {
      case 'kill':
      case 'power':
        this.#crash = { power: fault.kind === 'power', downMs: fault.downMs };
        return;
      case 'stop':
        if (driver.engine === undefined || driver.stopping) return;
        this.simulation.count('stops');
        return this.#stop(driver, fault.limitMs);
      case 'workerDies':
        if (driver.workers === undefined || fault.slot >= driver.workers.numSlots) return;
        this.simulation.count('workers killed');
        this.simulation.note(driver.process.name, `worker of slot ${fault.slot} dies`);
        return driver.workers.kill(fault.slot);
      case 'receiverRestarts':
        if (driver.engine !== undefined) this.world.receiver?.restart('the sender hung up');
        return;
    }
  }

  #diskFault(operation: string, path: string): DiskFault | undefined {
    const name = `${operation} ${path}`;
    const ofName = this.#operations.get(name) ?? 0;
    this.#operations.set(name, ofName + 1);
    const number = this.#numOperations++;
    const found = this.#diskFaults.find(({ at, of }) =>
      of === undefined ? at === number : of === name && at === ofName,
    );
    if (found?.fault === 'ENOSPC' && !TAKES_SPACE.includes(operation)) return undefined;
    if (this.#isOver || this.#crash !== undefined) return undefined;
    this.#lastDiskFault = found;
    return found?.fault;
  }

  #diskFaulted(fault: DiskFault): void {
    this.simulation.count(`disk ${fault}`);
    if (fault !== 'crash') {
      this.#diskFailed = true;
      return;
    }
    this.#crash = { power: this.#lastDiskFault?.power === true, downMs: intBelow(this.#power, 3000) };
  }

  /** Records that must be in some batch, and are in none. */
  #missing(): string[] {
    const { batches, certain } = this.observed;
    const found = new Set([...batches.values()].flat());
    const files = this.#isOver ? this.#fileRecords() : [];
    const rate = [...found].filter(record => record.startsWith('t')).length;
    const wanted = [...certain, ...files].filter(record => !found.has(record));
    const hasRate = this.#scenario.sources.includes('rate');
    return hasRate && rate < this.#scenario.rateTotal ? [...wanted, `row ${rate} of the rate source`] : wanted;
  }

  #fileRecords(): string[] {
    if (!this.#scenario.sources.includes('file')) return [];
    const texts = new Map<string, string>();
    for (const arrival of this.#scenario.arrivals)
      if (arrival.kind === 'file') texts.set(arrival.name, (texts.get(arrival.name) ?? '') + arrival.text);
    return [...texts.values()].flatMap(text => text.split('\n').slice(0, -1));
  }

  /** Who waits for what. */
  #describe(driver: Driver): string {
    const open = new Map<number, string>();
    for (const event of driver.events) {
      if (event.kind === 'batchSubmitted' || event.kind === 'batchStarted') open.set(event.time, event.kind);
      if (event.kind === 'batchCompleted') open.delete(event.batch.time);
    }
    return [
      `${driver.process.name} ${driver.engine === undefined ? 'starts' : driver.stopping ? 'stops' : 'runs'}`,
      `batches ${JSON.stringify([...open])}`,
      `workers are asked [${driver.workers?.waiting.join('; ') ?? ''}]`,
      `missing [${this.#missing().slice(0, 5).join(', ')}]`,
      `the last events are ${JSON.stringify(driver.events.slice(-4))}`,
    ].join('; ');
  }

  async judge(): Promise<readonly string[]> {
    for (const record of this.#fileRecords()) this.observed.certain.add(record);
    return judge(this.#scenario, this.observed, this.files);
  }
}

/** Runs the scenario to its end. Never rejects: what goes wrong is a violation. */
export async function simulate(scenario: Scenario): Promise<SimResult> {
  await warmUp();
  const run = new Run(scenario);
  const violations: string[] = [];
  try {
    await run.run();
    violations.push(...(await run.judge()));
  } catch (error) {
    violations.push(
      ...run.observed.seen.problems,
      error instanceof Error ? (error.stack ?? error.message) : String(error),
    );
  }
  const { simulation, observed } = run;
  simulation.counts.set('batches', observed.batches.size);
  simulation.counts.set('records', [...observed.batches.values()].flat().length);
  return {
    violations,
    trace: simulation.trace,
    counts: simulation.counts,
    virtualMs: simulation.clock.now() - START_MS,
  };
}
