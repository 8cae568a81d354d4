/**
 * Loads a job file. A job lies anywhere on disk, in TypeScript or JavaScript, and imports `sluice`; what Node can run is
 * one compiled module per version of the job, made once and kept in a cache. The driver and every worker import that
 * module, so a thread that starts later, after the file was edited, still builds the graph of the run it belongs to.
 */
import { readdirSync, statSync } from 'node:fs';
import { basename, dirname, extname, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { EngineError, messageOf } from '../core/errors.js';
import { didYouMean } from '../core/nearest.js';
import { describeThrown, engineErrorCode, firstUserFrame, formatFrame, stackOf } from '../executor/failure-of.js';
import { bundleJob } from './job-bundle.js';
import { findCached, jobCacheFolder, storeModule } from './job-cache.js';
import { startLoading } from './main-program.js';

export interface JobModule {
  /** Absolute path of the compiled module; a worker imports it as it is. */
  readonly module: string;
  readonly exports: { readonly [name: string]: unknown };
}

export interface LoadJobOptions {
  /** Absolute path of the module that `sluice` means in a job: this package's own index, as the importing process runs it. */
  readonly sluiceEntry: string;
  /** Where compiled jobs are kept; default: the cache folder of the nearest node_modules, else the user's. */
  readonly cacheFolder?: string;
}

const EXTENSIONS = new Set(['.ts', '.mts', '.cts', '.js', '.mjs', '.cjs']);

/**
 * Compiles (or finds compiled) and imports a job file.
 *
 * Throws `jobNotFound` with the cure, and `jobInvalid` with file, line and column where it does not compile, does not
 * resolve or throws while it is loaded. An EngineError the job itself runs into keeps its code and gets the place.
 */
export async function loadJobModule(path: string, options: LoadJobOptions): Promise<JobModule> {
  const job = resolve(path);
  checkJobFile(job, path);
  const folder = jobCacheFolder(job, options.cacheFolder);
  const identity = { job, sluiceEntry: options.sluiceEntry };
  const module = findCached(folder, identity) ?? storeModule(folder, identity, await bundleJob(identity));
  // For this thread, as `serve` does for a worker's: a stack names the lines of the job file.
  process.setSourceMapsEnabled(true);
  const loaded = startLoading(job);
  try {
    return { module, exports: (await import(pathToFileURL(module).href)) as JobModule['exports'] };
  } catch (error) {
    throw loadError(job, options.sluiceEntry, error);
  } finally {
    loaded();
  }
}

function checkJobFile(job: string, asGiven: string): void {
  const stat = statSync(job, { throwIfNoEntry: false });
  if (stat === undefined) {
    const folder = dirname(job);
    const names = jobFilesIn(folder);
    if (names === undefined) throw notFound(`job ${asGiven} does not exist: there is no folder ${folder}`);
    const others = names.slice(0, 10).join(', ');
    const cure =
      didYouMean(basename(job), names) || (others === '' ? '; there are no job files there' : `; there: ${others}`);
    throw notFound(`job ${asGiven} does not exist in ${folder}${cure}`);
  }
  if (stat.isDirectory()) {
    const names = jobFilesIn(job) ?? [];
    throw notFound(
      `job wants a file, ${asGiven} is a folder${names.length === 0 ? '' : ` of ${names.slice(0, 10).join(', ')}`}`,
    );
  }
  if (!EXTENSIONS.has(extname(job))) {
    throw notFound(`job wants a file ending in ${[...EXTENSIONS].join(', ')}, got ${asGiven}`);
  }
}

const notFound = (message: string): EngineError => new EngineError('jobNotFound', message);

function jobFilesIn(folder: string): string[] | undefined {
  try {
    return readdirSync(folder)
      .filter(name => EXTENSIONS.has(extname(name)) && !name.endsWith('.d.ts'))
      .toSorted();
  } catch {
    // Not there or not readable: the caller says which folder.
    return undefined;
  }
}

function loadError(job: string, sluiceEntry: string, error: unknown): EngineError {
  const missing = /^The requested module '(.*)' does not provide an export named '(.*)'$/s.exec(messageOf(error));
  if (missing) {
    const from = missing[1] === pathToFileURL(sluiceEntry).href ? 'sluice' : missing[1];
    return new EngineError('jobInvalid', `job ${job} imports '${missing[2]}' from ${from}, which has no such export`, {
      cause: error,
      detail: { file: job },
    });
  }
  return jobError(`job ${job} threw while it was loaded`, { file: job }, error);
}

/**
 * What the code of a job threw outside of a batch: `jobInvalid` with the place in the job's own files. An EngineError
 * keeps its code and gets the place.
 *
 * @param what the beginning of the sentence
 * @param unplaced the detail when the stack names no file of the job
 */
export function jobError(what: string, unplaced: EngineError['detail'], error: unknown): EngineError {
  const frame = firstUserFrame(stackOf(error));
  const place = frame === undefined ? '' : ` (${formatFrame(frame)})`;
  const detail = frame === undefined ? unplaced : { file: frame.file, line: frame.line, column: frame.column };
  const code = engineErrorCode(error);
  if (code !== undefined) {
    const own = (error as EngineError).detail;
    return new EngineError(code, `${messageOf(error)}${place}`, { cause: error, detail: { ...detail, ...own } });
  }
  return new EngineError('jobInvalid', `${what}: ${describeThrown(error)}${place}`, { cause: error, detail });
}
