import type { LoadedCheckpoint } from './load-checkpoint.js';

interface Entry {
  readonly time: number;
  readonly bytes: number;
}

/** Remembers which log segment has records of which batches, so that segments can go once snapshots cover them. */
export class LogRetention {
  /** By segment, ascending: the latest batch time it has a record of. */
  readonly #lastTimes = new Map<number, number>();
  /** Records after the newest snapshot. */
  #entries: Entry[] = [];
  #bytes = 0;

  /** @param newSegment the one that is written to from now on */
  static of(loaded: LoadedCheckpoint | undefined, newSegment: number): LogRetention {
    const retention = new LogRetention();
    const snapshotTime = loaded?.manifest.time ?? -Infinity;
    for (const { segment, records } of loaded?.log.segments ?? []) {
      retention.#lastTimes.set(segment, -Infinity);
      for (const { time, byteLength } of records) retention.add(segment, time, byteLength);
    }
    retention.#lastTimes.set(newSegment, -Infinity);
    retention.snapshotAt(snapshotTime);
    return retention;
  }

  /** Bytes of the records after the newest snapshot. */
  get bytesSinceSnapshot(): number {
    return this.#bytes;
  }

  /** A record of batch `time` goes to `segment` or to a later one. */
  add(segment: number, time: number, bytes: number): void {
    this.#lastTimes.set(segment, Math.max(time, this.#lastTimes.get(segment) ?? -Infinity));
    this.#entries.push({ time, bytes });
    this.#bytes += bytes;
  }

  /** The first segment that may have anything after `time`, at the latest `last`. */
  firstAfter(time: number, last: number): number {
    const later = [...this.#lastTimes].filter(([, lastTime]) => lastTime > time).map(([segment]) => segment);
    return Math.min(last, ...later);
  }

  /** Everything up to `time` is in a snapshot now. */
  snapshotAt(time: number): void {
    this.#entries = this.#entries.filter(entry => entry.time > time);
    this.#bytes = this.#entries.reduce((sum, entry) => sum + entry.bytes, 0);
  }

  /** Forgets the segments before `first`. */
  dropBefore(first: number): void {
    for (const segment of this.#lastTimes.keys()) if (segment < first) this.#lastTimes.delete(segment);
  }
}
