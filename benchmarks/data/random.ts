/** Random numbers that are the same for the same seed, on every machine. */

/** Numbers in [0, 1): xorshift on 32 bits, cheap enough for hundreds of millions. */
export function randomNumbers(seed: number): () => number {
  // A state of 0 would stay 0.
  let state = Math.imul(seed, 0x9e3779b9) >>> 0 || 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}

export const pick = <T>(random: () => number, from: readonly T[]): T => from[Math.floor(random() * from.length)] as T;

/** 36 characters in the form of a UUID. */
export function uuid(random: () => number): string {
  const hex = (digits: number): string =>
    Array.from({ length: digits }, () => Math.floor(random() * 16).toString(16)).join('');
  return [8, 4, 4, 4, 12].map(hex).join('-');
}

/**
 * Ranks 0 .. n - 1 of which rank r comes up in proportion to 1 / (r + 1), Zipf's law, in constant time: Walker's alias
 * method, a table of columns of equal height that hold a part of one rank and the rest of another.
 */
export function zipfRanks(random: () => number, n: number): () => number {
  let total = 0;
  for (let rank = 0; rank < n; rank++) total += 1 / (rank + 1);
  const height = Float64Array.from({ length: n }, (_, rank) => n / ((rank + 1) * total));
  const other = new Uint32Array(n);
  const low: number[] = [];
  const high: number[] = [];
  for (let rank = 0; rank < n; rank++) (height[rank] < 1 ? low : high).push(rank);
  for (let small = low.pop(); small !== undefined; small = low.pop()) {
    const large = high.at(-1);
    if (large === undefined) break;
    other[small] = large;
    height[large] -= 1 - height[small];
    if (height[large] < 1) low.push(high.pop() as number);
  }
  return () => {
    const at = random() * n;
    const column = Math.floor(at);
    return at - column < height[column] ? column : other[column];
  };
}
