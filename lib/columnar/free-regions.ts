/** A stretch of memory. */
export interface Region {
  address: number;
  byteLength: number;
}

/**
 * The gaps of a memory, first or last fit, by ascending address and never touching one another. Search is linear: a slot has
 * hundreds of blocks, not millions.
 */
export class FreeRegions {
  readonly #regions: Region[] = [];

  clear(): void {
    this.#regions.length = 0;
  }

  /** Takes `byteLength` bytes out of the first gap that has them; returns their address. */
  take(byteLength: number): number | undefined {
    const i = this.#regions.findIndex(region => region.byteLength >= byteLength);
    const region = this.#regions[i];
    if (region === undefined) return undefined;
    const { address } = region;
    if (region.byteLength === byteLength) this.#regions.splice(i, 1);
    else {
      region.address += byteLength;
      region.byteLength -= byteLength;
    }
    return address;
  }

  /** Takes `byteLength` bytes off the end of the last gap that has them; returns their address. */
  takeLast(byteLength: number): number | undefined {
    const i = this.#regions.findLastIndex(region => region.byteLength >= byteLength);
    const region = this.#regions[i];
    if (region === undefined) return undefined;
    region.byteLength -= byteLength;
    if (region.byteLength === 0) this.#regions.splice(i, 1);
    return region.address + region.byteLength;
  }

  /** Where the gap begins that ends at `end`, or `end` when there is none. */
  startOfGapBefore(end: number): number {
    const last = this.#regions.at(-1);
    return last !== undefined && last.address + last.byteLength === end ? last.address : end;
  }

  /** Forgets the last gap. */
  dropLast(): void {
    this.#regions.pop();
  }

  /** Adds a gap and joins it with its neighbours. */
  add(address: number, byteLength: number): void {
    let i = this.#regions.findIndex(region => region.address > address);
    if (i < 0) i = this.#regions.length;
    const before = this.#regions[i - 1];
    const after = this.#regions[i];
    const joinsBefore = before !== undefined && before.address + before.byteLength === address;
    const joinsAfter = after !== undefined && address + byteLength === after.address;
    if (joinsBefore && joinsAfter) {
      before.byteLength += byteLength + after.byteLength;
      this.#regions.splice(i, 1);
    } else if (joinsBefore) {
      before.byteLength += byteLength;
    } else if (joinsAfter) {
      after.address = address;
      after.byteLength += byteLength;
    } else {
      this.#regions.splice(i, 0, { address, byteLength });
    }
  }
}
