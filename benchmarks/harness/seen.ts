/**
 * When a reader of a growing file first sees each of its bytes: looked at every millisecond, as `tail -f` would if it
 * were as quick. What is seen has been written, and need not be durable yet.
 */
import { statSync } from 'node:fs';

const EVERY_MS = 1;

export interface SeenFile {
  stop(): void;
  /** Epoch milliseconds at which a byte was seen to be there; undefined for those that were not seen before `stop`. */
  seenMs(byte: number): number | undefined;
}

/** @param path of a file that need not be there yet and only grows */
export function watchSize(path: string): SeenFile {
  const sizes: number[] = [];
  const timesMs: number[] = [];
  const look = (): void => {
    const size = statSync(path, { throwIfNoEntry: false })?.size ?? 0;
    if (size <= (sizes.at(-1) ?? 0)) return;
    sizes.push(size);
    timesMs.push(Date.now());
  };
  const timer = setInterval(look, EVERY_MS);
  return {
    stop: () => {
      clearInterval(timer);
      look();
    },
    seenMs: byte => {
      let [from, to] = [0, sizes.length];
      while (from < to) {
        const middle = (from + to) >> 1;
        if ((sizes[middle] ?? 0) > byte) to = middle;
        else from = middle + 1;
      }
      return timesMs[from];
    },
  };
}
