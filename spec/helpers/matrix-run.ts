import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { RunEvent } from '../../lib/metrics/run-events.js';
import type { HttpSenders } from './kill-senders.js';

/** A run of the command line in a process of its own, whose events move the senders along. */
export class MatrixRun {
  readonly exited: Promise<number | null>;
  stderr = '';
  /** Times of the batches that were told as committed. */
  readonly committed: number[] = [];
  readonly #child: ChildProcess;
  readonly #senders: HttpSenders | undefined;
  readonly #onBatch: () => void;
  /** Input that was there and not planned as of its last batch. */
  waiting = Infinity;
  #hasEnded = false;
  #onChange: () => void = () => undefined;

  /** @param nodeFlags of the process and its threads */
  constructor(
    args: readonly string[],
    senders: HttpSenders | undefined,
    onBatch: () => void,
    nodeFlags: readonly string[] = [],
  ) {
    this.#senders = senders;
    this.#onBatch = onBatch;
    const child = spawn(process.execPath, [...nodeFlags, 'dist/cli/main.js', 'run', ...args, '--json'], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#child = child;
    child.stderr.setEncoding('utf8').on('data', (text: string) => (this.stderr = (this.stderr + text).slice(-4000)));
    // The last line of a process that was killed may be cut.
    createInterface(child.stdout).on('line', line => line.endsWith('}') && this.#hear(JSON.parse(line) as RunEvent));
    this.exited = once(child, 'close').then(([code]) => {
      this.#hasEnded = true;
      this.#onChange();
      return code as number | null;
    });
  }

  /**
   * Whether Node itself gave up: a thread that ends while its code is being optimised in the background may end the whole
   * process (seen with Node 20, and a small heap).
   */
  get isAborted(): boolean {
    return this.#hasEnded && /node_platform\.cc:\d+\s+#\s+Assertion failed/.test(this.stderr);
  }

  /** Throws, with its reason, when it has ended. */
  checkRunning(): void {
    if (this.#hasEnded) throw new Error(`it ended by itself: ${this.stderr}`);
  }

  /** Of its process. */
  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /**
   * Kills it so many milliseconds after so many batches were committed, or after its start.
   * Throws when it ends by itself, or has committed no batch within `limitMs`.
   */
  async killAfter(batches: number, ms: number, limitMs: number): Promise<void> {
    await this.#until(`${batches} batches`, () => this.committed.length >= batches, limitMs);
    await new Promise(resolve => setTimeout(resolve, ms));
    this.checkRunning();
    this.#child.kill('SIGKILL');
    await this.exited;
  }

  /** Resolves when it has committed a batch. */
  firstBatch(limitMs: number): Promise<void> {
    return this.#until('a batch', () => this.committed.length > 0, limitMs);
  }

  /** Resolves when all that is in the files was read. */
  caughtUp(limitMs: number): Promise<void> {
    return this.#until('the end of its input', () => this.waiting === 0, limitMs);
  }

  stop(): Promise<number | null> {
    this.#child.kill('SIGINT');
    return this.exited;
  }

  async #until(what: string, holds: () => boolean, limitMs: number): Promise<void> {
    let isLate = false;
    const timer = setTimeout(() => {
      isLate = true;
      this.#onChange();
    }, limitMs);
    try {
      while (!holds()) {
        if (this.#hasEnded) throw new Error(`it ended before ${what}: ${this.stderr}`);
        if (isLate) throw new Error(`${what} did not come within ${limitMs} ms: ${this.stderr}`);
        await new Promise<void>(resolve => (this.#onChange = resolve));
      }
    } catch (error) {
      this.#child.kill('SIGKILL');
      throw error;
    } finally {
      clearTimeout(timer);
    }
  }

  #hear(event: RunEvent): void {
    if (event.kind === 'receiverStarted' && event.receiver.streamId === 'http') {
      this.#senders?.moveTo(event.receiver.location);
    }
    if (event.kind !== 'batchCompleted') return;
    const { time, progress } = event.batch;
    this.committed.push(time);
    if (progress !== undefined) this.waiting = progress.total - progress.done;
    this.#onBatch();
    this.#onChange();
  }
}
