/**
 * The slots of a simulated driver: each worker is a process of its own that starts, computes and answers in virtual time.
 * A request may be lost before or after it ran, hang, fail, find the memory full, be slow, or be answered late; a worker
 * may die while it computes, and what it was writing then stays half written.
 */
import type { FileSystem } from '../../lib/core/file-system.js';
import { InProcessRunner, type Fault } from '../../lib/driver/in-process-runner.js';
import type { WorkerHandler } from '../../lib/executor/serve.js';
import type { WorkerInit, WorkerReply, WorkerRequest } from '../../lib/protocol/messages.js';
import type { TaskRunner } from '../../lib/protocol/task-runner.js';
import type { SimProcess, Simulation } from './world.js';

/** `never`: no answer comes, against the runner's promise; what a run that hangs looks like. */
export type WorkerFault = Fault | 'full' | 'slow' | 'late' | 'never';

export interface WorkersOptions {
  readonly simulation: Simulation;
  readonly driver: SimProcess;
  readonly numSlots: number;
  readonly limitBytes: number;
  readonly makeInit: (slot: number, memories: readonly WebAssembly.Memory[]) => WorkerInit;
  readonly makeHandler: (init: WorkerInit, fs: FileSystem) => Promise<WorkerHandler>;
  readonly fileSystemOf: (process: SimProcess) => FileSystem;
  /** Fastest time of a request. */
  readonly fastMs: number;
  /** Asked once for each request. */
  readonly faultOf: (request: WorkerRequest) => WorkerFault | undefined;
}

const FULL: WorkerReply = {
  ok: false,
  failure: { kind: 'engineError', code: 'memoryLimit', message: 'full', detail: '{}' },
};

export class Workers implements TaskRunner {
  readonly #options: WorkersOptions;
  readonly #runner: InProcessRunner;
  readonly #processes: (SimProcess | undefined)[] = [];
  readonly #faults = new WeakMap<WorkerRequest, WorkerFault>();
  readonly #waiting = new Map<WorkerRequest, string>();
  /** By slot: whether what runs there now takes long. */
  readonly #slow: boolean[] = [];
  #numWorkers = 0;

  constructor(options: WorkersOptions) {
    this.#options = options;
    const { driver, numSlots, limitBytes, makeInit } = options;
    this.#runner = new InProcessRunner({
      ...{ numSlots, limitBytes, makeInit, clock: driver.clock },
      makeHandler: init => this.#start(init),
      schedule: step => void driver.sleep(this.#latency()).then(step),
      faults: (slot, request) => {
        const fault = this.#faults.get(request);
        this.#slow[slot] = fault === 'slow';
        return isOurs(fault) ? undefined : fault;
      },
    });
  }

  get numSlots(): number {
    return this.#runner.numSlots;
  }

  get memories(): readonly WebAssembly.Memory[] {
    return this.#runner.memories;
  }

  /** What was asked and is not answered. */
  get waiting(): readonly string[] {
    return [...this.#waiting.values()];
  }

  async submit(slot: number, request: WorkerRequest, timeoutMs: number): Promise<WorkerReply> {
    const { simulation, driver, faultOf } = this.#options;
    const fault = faultOf(request);
    const what = `slot ${slot} ${describe(request)}`;
    simulation.note(driver.name, `ask ${what}${fault === undefined ? '' : ` ${fault}`}`);
    this.#waiting.set(request, `${what} since ${driver.clock.now().toFixed(0)}`);
    // The same request may come again.
    if (fault === undefined) this.#faults.delete(request);
    else this.#faults.set(request, fault);
    if (fault === 'never') return new Promise<never>(() => undefined);
    const reply = fault === 'full' ? FULL : await this.#runner.submit(slot, request, timeoutMs);
    await driver.sleep(this.#latency() * (fault === 'late' ? 60 : 0.5));
    this.#waiting.delete(request);
    simulation.note(driver.name, `answer ${what} ${reply.ok ? reply.kind : reply.failure.kind}`);
    return reply;
  }

  /** A worker dies, whatever it does. */
  kill(slot: number): void {
    this.#processes[slot]?.end();
    void this.#runner.terminateSlot(slot);
  }

  stop(): Promise<void> {
    for (const process of this.#processes) process?.end();
    return this.#runner.stop();
  }

  async #start(init: WorkerInit): Promise<WorkerHandler> {
    const { driver, fileSystemOf, makeHandler } = this.#options;
    this.#processes[init.slot]?.end();
    const process = driver.spawn(`${driver.name}.w${init.slot}.${++this.#numWorkers}`);
    this.#processes[init.slot] = process;
    await process.sleep(this.#latency());
    const handler = await makeHandler(init, fileSystemOf(process));
    return async request => {
      await process.sleep(this.#latency() * (this.#slow[init.slot] === true ? 100 : 1));
      const reply = await handler(request);
      await process.sleep(this.#latency());
      return reply;
    };
  }

  #latency(): number {
    return this.#options.simulation.latency(this.#options.fastMs);
  }
}

const isOurs = (fault: WorkerFault | undefined): fault is Exclude<WorkerFault, Fault> =>
  fault === 'full' || fault === 'slow' || fault === 'late' || fault === 'never';

function describe(request: WorkerRequest): string {
  if (request.kind === 'task')
    return `task ${request.stage}_${request.partition}_${request.attempt} of ${request.time}`;
  if (request.kind === 'tasks') return `${request.tasks.length} tasks of ${request.time}`;
  if (request.kind === 'snapshotState')
    return `snapshot ${request.operator} ${request.partition} piece ${request.piece}`;
  return request.kind;
}
