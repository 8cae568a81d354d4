/**
 * The outside of the command line: what it writes to, hears and looks at, as one parameter, so that specs need no
 * process. Writing never fails: when the reader of standard output has gone, output is dropped and listeners are told.
 */
export interface Terminal {
  readonly cwd: string;
  readonly env: { readonly [name: string]: string | undefined };
  out(text: string): void;
  err(text: string): void;
  /** SIGINT, SIGTERM, SIGHUP; returns what ends the listening. */
  onSignal(listener: (signal: 'SIGINT' | 'SIGTERM' | 'SIGHUP') => void): () => void;
  /** Called once when nobody reads standard output any more. */
  onOutputClosed(listener: () => void): void;
  /** Ends the process without waiting for anything. */
  exitNow(code: number): void;
}

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** The terminal of this process. */
export function processTerminal(): Terminal {
  let open = true;
  const listeners: (() => void)[] = [];
  process.stdout.on('error', () => {
    if (!open) return;
    open = false;
    for (const listener of listeners) listener();
  });
  // Messages that nobody can read must not end the run that they are about.
  process.stderr.on('error', () => undefined);
  return {
    cwd: process.cwd(),
    env: process.env,
    out: text => void (open && process.stdout.write(text)),
    err: text => void process.stderr.write(text),
    onSignal(listener) {
      for (const signal of SIGNALS) process.on(signal, listener as NodeJS.SignalsListener);
      return () => {
        for (const signal of SIGNALS) process.off(signal, listener as NodeJS.SignalsListener);
      };
    },
    onOutputClosed: listener => void listeners.push(listener),
    exitNow: code => process.exit(code),
  };
}
