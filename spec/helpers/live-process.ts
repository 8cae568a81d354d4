import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { RunEvent } from '../../lib/metrics/run-events.js';

/** `sluice run ARGS` in a process of its own, whose events are heard. */
export class LiveProcess {
  readonly events: RunEvent[] = [];
  readonly child: ChildProcess;
  readonly exited: Promise<number | null>;
  stderr = '';
  #onEvent: () => void = () => undefined;

  constructor(args: readonly string[]) {
    const child = spawn(process.execPath, ['dist/cli/main.js', 'run', ...args, '--json'], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.child = child;
    child.stderr.setEncoding('utf8').on('data', (text: string) => (this.stderr += text));
    createInterface(child.stdout).on('line', line => {
      this.events.push(JSON.parse(line) as RunEvent);
      this.#onEvent();
    });
    this.exited = once(child, 'close').then(([code]) => {
      this.#onEvent();
      return code as number | null;
    });
  }

  /** The first event that fits, when it comes. */
  async event<K extends RunEvent['kind']>(
    kind: K,
    fits: (event: RunEvent & { readonly kind: K }) => boolean = () => true,
  ): Promise<RunEvent & { readonly kind: K }> {
    for (;;) {
      const found = this.events.find(event => event.kind === kind && fits(event as RunEvent & { readonly kind: K }));
      if (found !== undefined) return found as RunEvent & { readonly kind: K };
      if (this.child.exitCode !== null) throw new Error(`no event ${kind} before the end: ${this.stderr}`);
      await new Promise<void>(resolve => (this.#onEvent = resolve));
    }
  }

  async stop(): Promise<number | null> {
    this.child.kill('SIGINT');
    return this.exited;
  }
}
