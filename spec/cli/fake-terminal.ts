import type { Terminal } from '../../lib/cli/terminal.js';

type Signal = 'SIGINT' | 'SIGTERM' | 'SIGHUP';

/** A terminal that keeps what is written and sends signals when it is told to. */
export class FakeTerminal implements Terminal {
  readonly cwd: string;
  readonly env: { readonly [name: string]: string | undefined };
  outText = '';
  errText = '';
  /** Exit code of an exit at once. */
  exited: number | undefined;
  readonly #signalListeners = new Set<(signal: Signal) => void>();
  readonly #closeListeners: (() => void)[] = [];

  constructor(env: { readonly [name: string]: string } = {}, cwd = '/work') {
    this.env = env;
    this.cwd = cwd;
  }

  get outLines(): string[] {
    return this.outText.split('\n').slice(0, -1);
  }

  get numSignalListeners(): number {
    return this.#signalListeners.size;
  }

  signal(signal: Signal): void {
    for (const listener of this.#signalListeners) listener(signal);
  }

  closeOutput(): void {
    for (const listener of this.#closeListeners) listener();
  }

  out(text: string): void {
    this.outText += text;
  }

  err(text: string): void {
    this.errText += text;
  }

  onSignal(listener: (signal: Signal) => void): () => void {
    this.#signalListeners.add(listener);
    return () => void this.#signalListeners.delete(listener);
  }

  onOutputClosed(listener: () => void): void {
    this.#closeListeners.push(listener);
  }

  exitNow(code: number): void {
    this.exited = code;
  }
}
