/** Runs a benchmark at its small size, for its answers: what it measures is not looked at. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import type { Benchmark, BenchmarkRun } from '../../benchmarks/harness/benchmark.js';

const folder = join(import.meta.dirname, '..', '..', 'benchmarks');

/** Programs of their own that measure kernels and disks; they are seconds long at any size. */
const isProgram = (file: string): boolean => /^(kernels-|log-sync)/.test(file);

export const benchmarkFiles = readdirSync(folder).filter(file => file.endsWith('.bench.ts') && !isProgram(file));

const SMALL: BenchmarkRun = { size: 'small', runs: 1, workers: 2, peers: false };

/**
 * Fails where the benchmark does, which is when an answer is wrong, and when it reports nothing.
 * @returns what it has rows of, `benchmark: form`
 */
export async function smoke(file: string): Promise<readonly string[]> {
  const { default: bench } = (await import(join(folder, file))) as { default: Benchmark };
  expect(file).to.equal(`${bench.name}.bench.ts`);
  const lines = await linesPrinted(() => bench.run(SMALL));
  expect(lines).to.not.have.length(0);
  const results = lines.map(line => JSON.parse(line) as { readonly benchmark: string; readonly form?: string });
  for (const { benchmark } of results) expect(benchmark).to.match(new RegExp(`^${bench.name}`));
  return results.map(({ benchmark, form = '' }) => `${benchmark}: ${form}`);
}

/** What `run` prints with console.log, instead of showing it. */
async function linesPrinted(run: () => Promise<void>): Promise<string[]> {
  const lines: string[] = [];
  const { log, error } = console;
  console.log = (line: string) => void lines.push(line);
  console.error = () => undefined;
  try {
    await run();
  } finally {
    console.log = log;
    console.error = error;
  }
  return lines;
}
