import type { SimResult } from './simulate.js';

/** What many simulated runs had together. */
export class Totals {
  readonly #counts = new Map<string, number>();
  readonly #startMs = performance.now();
  #numSeeds = 0;
  #virtualMs = 0;

  add({ counts, virtualMs }: Pick<SimResult, 'counts' | 'virtualMs'>): void {
    this.#numSeeds++;
    this.#virtualMs += virtualMs;
    for (const [what, n] of counts) this.#counts.set(what, (this.#counts.get(what) ?? 0) + n);
  }

  /** How often everything happened, how much virtual time passed, and how many real seconds it took. */
  toString(): string {
    const counts = [...this.#counts].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([what, n]) => `${n} ${what}`);
    const hours = (this.#virtualMs / 3_600_000).toFixed(1);
    const seconds = ((performance.now() - this.#startMs) / 1000).toFixed(0);
    return `${this.#numSeeds} seeds, ${counts.join(', ')}; ${hours} h of virtual time in ${seconds} s`;
  }
}
