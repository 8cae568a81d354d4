/** Seeded randomness for specs with an oracle: a failure's message carries the seed that makes it again. */

/** Uniform in [0, 1), the same sequence for the same seed (mulberry32). */
export type Random = () => number;

export function randomOf(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Runs `check` with the seeds 1 .. `numSeeds`; a failure says which. */
export function forSeeds(numSeeds: number, check: (random: Random, seed: number) => void): void {
  for (let seed = 1; seed <= numSeeds; seed++) {
    try {
      check(randomOf(seed), seed);
    } catch (error) {
      if (error instanceof Error) error.message = `seed ${seed}: ${error.message}`;
      throw error;
    }
  }
}

/** An integer in [0, limit). */
export const intBelow = (random: Random, limit: number): number => Math.floor(random() * limit);

export function pick<T>(random: Random, items: readonly T[]): T {
  return items[intBelow(random, items.length)] as T;
}

export function shuffled<T>(random: Random, items: readonly T[]): T[] {
  const result = [...items];
  for (let i = result.length - 1; i > 0; i--) {
    const j = intBelow(random, i + 1);
    [result[i], result[j]] = [result[j] as T, result[i] as T];
  }
  return result;
}

export const SPECIAL_NUMBERS: readonly number[] = [
  0,
  -0,
  1,
  -1,
  127,
  128,
  255,
  256,
  -128,
  2 ** 31 - 1,
  2 ** 31,
  -(2 ** 31),
  -(2 ** 31) - 1,
  2 ** 32,
  Number.MAX_SAFE_INTEGER,
  Number.MIN_SAFE_INTEGER,
  2 ** 53,
  Number.MAX_VALUE,
  Number.MIN_VALUE,
  0.1,
  -1.5,
  Number.NaN,
  Number.POSITIVE_INFINITY,
  Number.NEGATIVE_INFINITY,
];

/** Empty, NUL, two, three and four bytes of UTF-8, lone surrogates, names of a prototype, and lengths around each limit. */
export const SPECIAL_STRINGS: readonly string[] = [
  '',
  '\0',
  '\0\0',
  'a',
  'é',
  'e\u0301',
  '語',
  '\u{1f600}',
  '\ud83d',
  '\ude00',
  'x\udc00y',
  '__proto__',
  'constructor',
  '1',
  ...[12, 13, 32, 33, 63, 64, 127, 128, 300].flatMap(length => ['z'.repeat(length), 'ü'.repeat(length)]),
];

const ALPHABETS = ['ab', 'abcdefghijklmnopqrstuvwxyz0123456789', 'aéß語\u{1f600}', '\0\ud83d\ude00x'];

export function randomString(random: Random, maxChars = 20): string {
  if (random() < 0.2) return pick(random, SPECIAL_STRINGS);
  const alphabet = pick(random, ALPHABETS);
  return Array.from({ length: intBelow(random, maxChars + 1) }, () =>
    alphabet.charAt(intBelow(random, alphabet.length)),
  ).join('');
}

export function randomNumber(random: Random): number {
  const form = intBelow(random, 5);
  if (form === 0) return pick(random, SPECIAL_NUMBERS);
  if (form === 1) return intBelow(random, 200);
  if (form === 2) return Math.round((random() - 0.5) * 2 ** 33);
  if (form === 3) return (random() - 0.5) * 10 ** intBelow(random, 300);
  return Math.round(random() * 2 ** 50);
}

function randomLeaf(random: Random): unknown {
  const form = intBelow(random, 12);
  if (form < 4) return randomString(random);
  if (form < 7) return randomNumber(random);
  if (form === 7) return pick(random, [undefined, null, true, false]);
  if (form === 8) return BigInt(Math.floor((random() - 0.5) * 2 ** 53)) ** BigInt(intBelow(random, 4));
  if (form === 9) return new Date(random() < 0.1 ? Number.NaN : Math.floor((random() - 0.5) * 1e13));
  const bytes = Uint8Array.from({ length: intBelow(random, 20) }, () => intBelow(random, 256));
  return form === 10 ? bytes : Buffer.from(bytes);
}

/** Any value that can be encoded, at most `depth` containers deep. */
export function randomValue(random: Random, depth = 3): unknown {
  if (depth === 0 || random() < 0.4) return randomLeaf(random);
  const part = (): unknown => randomValue(random, depth - 1);
  const length = intBelow(random, 5);
  switch (intBelow(random, 4)) {
    case 0:
      return Array.from({ length }, part);
    case 1:
      return objectOf(Array.from({ length }, () => [randomString(random, 8), part()]));
    case 2:
      return new Map(Array.from({ length }, () => [part(), part()]));
    default:
      return new Set(Array.from({ length }, part));
  }
}

/** An object with these own properties, whatever their names. */
export function objectOf(entries: readonly (readonly [string, unknown])[]): object {
  const object = {};
  for (const [name, value] of entries)
    Object.defineProperty(object, name, { value, enumerable: true, configurable: true, writable: true });
  return object;
}
