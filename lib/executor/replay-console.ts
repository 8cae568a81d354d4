/**
 * A function of foreachRDD runs in workers too, as far as an action whose closures they need. What it prints on the way
 * the driver has printed: in a worker thread the console says nothing meanwhile. A thread answers one request after
 * another, so what is left out is that function's alone, and what closures print in tasks is printed.
 */

const METHODS = ['debug', 'dir', 'error', 'info', 'log', 'table', 'warn'] as const;

let numReplays = 0;

/** Runs `f`, during which a console that was given to `muteReplays` says nothing. */
export async function replayed<T>(f: () => Promise<T>): Promise<T> {
  numReplays++;
  try {
    return await f();
  } finally {
    numReplays--;
  }
}

/** For threads of workers: specs and the in-process runner share the console of the driver. */
export function muteReplays(console: Pick<Console, (typeof METHODS)[number]>): void {
  for (const method of METHODS) {
    const say = console[method].bind(console) as (...args: readonly unknown[]) => void;
    console[method] = (...args: readonly unknown[]): void => {
      if (numReplays === 0) say(...args);
    };
  }
}
