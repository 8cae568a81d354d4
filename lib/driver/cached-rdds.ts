/** Who holds cached RDDs that can be computed again: asked for them when a slot's memory is full, the longest there first. */
export class CachedRdds {
  readonly #owners = new Set<() => boolean>();

  /**
   * @param evict gives one up that nobody reads just now, and says whether there was one
   * @returns what ends it
   */
  add(evict: () => boolean): () => void {
    this.#owners.add(evict);
    return () => void this.#owners.delete(evict);
  }

  /** Gives one up. @returns false when there is none */
  evictOldest(): boolean {
    for (const evict of this.#owners) if (evict()) return true;
    return false;
  }
}
