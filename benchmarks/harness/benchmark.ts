/** What a `*.bench.ts` exports, and what it is run with. */

export interface BenchmarkRun {
  /** `small` is done in a second or two and says only whether everything works and every answer is right. */
  readonly size: 'full' | 'small';
  /** Timed repetitions of each case. */
  readonly runs: number;
  readonly workers: number;
  /** Run other systems on the same input too, those that are installed. */
  readonly peers: boolean;
}

export interface Benchmark {
  readonly name: string;
  readonly run: (settings: BenchmarkRun) => Promise<void>;
}

export const benchmark = (name: string, run: Benchmark['run']): Benchmark => Object.freeze({ name, run });

/** `full` at full size, else `small`. */
export const bySize = <T>({ size }: Pick<BenchmarkRun, 'size'>, full: T, small: T): T =>
  size === 'full' ? full : small;

/** Reads `--size small --runs 3 --workers 2 --peers`. Throws for what it doesn't know. */
export function parseFlags(flags: readonly string[], cores: number): BenchmarkRun {
  let settings: BenchmarkRun = { size: 'full', runs: 3, workers: cores, peers: false };
  const rest = flags.flatMap(flag => flag.split('='));
  while (rest.length > 0) {
    const flag = rest.shift();
    if (flag === '--peers') settings = { ...settings, peers: true };
    else if (flag === '--size') settings = { ...settings, size: sizeOf(rest.shift()) };
    else if (flag === '--runs') settings = { ...settings, runs: countOf(flag, rest.shift()) };
    else if (flag === '--workers') settings = { ...settings, workers: countOf(flag, rest.shift()) };
    else throw new Error(`wanted --size, --runs, --workers or --peers, got ${flag}`);
  }
  return settings;
}

function sizeOf(value: string | undefined): BenchmarkRun['size'] {
  if (value === 'full' || value === 'small') return value;
  throw new Error(`--size wants full or small, got ${value ?? 'nothing'}`);
}

function countOf(flag: string, value: string | undefined): number {
  const count = Number(value);
  if (Number.isInteger(count) && count >= 1) return count;
  throw new Error(`${flag} wants a number of at least 1, got ${value ?? 'nothing'}`);
}
