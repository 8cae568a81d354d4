/** Where benchmarks keep things; none of it is under version control. */
import { mkdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const benchmarksFolder = dirname(dirname(fileURLToPath(import.meta.url)));
export const root = dirname(benchmarksFolder);

let work: string | undefined;

/**
 * Output of runs. It is on the disk of the checkout, whose syncs are what is measured, apart for each process, and gone with
 * it; after a failure it stays, to be looked at.
 */
export const workFolder = (name: string): string => {
  work ??= makeWork();
  const folder = join(work, name);
  mkdirSync(folder, { recursive: true });
  return folder;
};

function makeWork(): string {
  const folder = join(root, 'out', 'bench', `process-${process.pid}`);
  rmSync(folder, { recursive: true, force: true });
  process.once('exit', code => {
    if (code === 0) rmSync(folder, { recursive: true, force: true });
  });
  return folder;
}

/** What is made or installed once and used again by later runs: data sets and peers. Its place is SLUICE_BENCH_CACHE. */
export const cacheFolder = (...names: readonly string[]): string => {
  const folder = join(process.env['SLUICE_BENCH_CACHE'] ?? join(tmpdir(), 'sluice-bench'), ...names);
  mkdirSync(folder, { recursive: true });
  return folder;
};
