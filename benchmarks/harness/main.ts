/**
 * Runs one benchmark file: `node --import tsx benchmarks/harness/main.ts FILE [flags]`. A file that exports no benchmark
 * is a program of its own and has done its work when it is loaded; it takes arguments of its own.
 */
import { availableParallelism } from 'node:os';
import { pathToFileURL } from 'node:url';
import { parseFlags, type Benchmark } from './benchmark.js';
import { killRunning } from './run-process.js';

const [script = '', file = '', ...flags] = process.argv.slice(1);
process.argv = [process.execPath, file, ...flags];
if (file === '') throw new Error(`${script} wants the file of a benchmark`);
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  process.on(signal, () => {
    killRunning();
    process.exit(1);
  });
}
const module = (await import(pathToFileURL(file).href)) as { readonly default?: Benchmark };
if (module.default !== undefined) await module.default.run(parseFlags(flags, availableParallelism()));
