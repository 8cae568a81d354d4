/** Where benchmarks keep things; none of it is under version control. */
import { mkdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const benchmarksFolder = dirname(dirname(fileURLToPath(import.meta.url)));
export const root = dirname(benchmarksFolder);

/** Output of runs. It is on the disk of the checkout, whose syncs are what is measured. */
export const workFolder = (name: string): string => {
  const folder = join(root, 'out', 'bench', name);
  mkdirSync(folder, { recursive: true });
  return folder;
};

/** What is made or installed once and used again by later runs: data sets and peers. Its place is SLUICE_BENCH_CACHE. */
export const cacheFolder = (...names: readonly string[]): string => {
  const folder = join(process.env['SLUICE_BENCH_CACHE'] ?? join(tmpdir(), 'sluice-bench'), ...names);
  mkdirSync(folder, { recursive: true });
  return folder;
};
