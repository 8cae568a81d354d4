import { join, resolve } from 'node:path';
import { EngineError } from '../core/errors.js';
import { givenOptions, resolveOptions } from '../core/options.js';
import type { RunListener } from '../driver/run-events.js';
import type { LoadedJob, openJob, RunningJob, startJob } from '../driver/run-job.js';
import { makeReporter, type ReportMode } from './console-reporter.js';
import { plural } from './figures.js';
import type { Terminal } from './terminal.js';

/** Batches failed, and the run went on without them. */
const FAILED_EXIT_CODE = 1;

/** What the command line needs of the engine: `lib/driver/run-job.ts`, or a stand-in in specs. */
export interface Engine {
  readonly openJob: typeof openJob;
  readonly startJob: typeof startJob;
}

/** The flags of `sluice run`, as they were given. */
export interface RunFlags {
  readonly interval?: string;
  readonly workers?: string;
  readonly checkpoint?: string;
  readonly arg?: readonly string[];
  readonly option?: readonly string[];
  readonly once?: boolean;
  readonly quiet?: boolean;
  readonly json?: boolean;
}

/**
 * Runs a job to its end and tells the terminal about it.
 *
 * The first SIGINT, SIGTERM or SIGHUP ends the run after the batch under way; the second ends the process at once,
 * which costs nothing but the work of that batch: the next run does it again. When nobody reads standard output any
 * more, a live run ends as on a signal; a bounded one (`--once`) goes on to its end in silence.
 *
 * @param also hears the run's events after the reporter, with the means to stop the run
 * @returns the exit code, 1 when batches were left out; throws what the run failed with
 */
export async function runCommand(
  jobPath: string,
  flags: RunFlags,
  terminal: Terminal,
  engine: Engine,
  also?: (stop: () => void) => RunListener,
): Promise<number> {
  const stopper = new Stopper(terminal);
  try {
    const job = await engine.openJob(resolve(terminal.cwd, jobPath));
    const resolved = resolveOptions({ cli: optionFlags(flags), env: terminal.env, job: job.options });
    const checkpoint = checkpointOf(flags, job, terminal.cwd);
    const report = makeReporter(modeOf(flags), terminal);
    const listen = also?.(() => stopper.stop());
    const listener: RunListener = event => {
      report(event);
      listen?.(event);
    };
    const running = await engine.startJob(
      job,
      {
        checkpoint,
        args: pairs(flags.arg, '--arg'),
        once: flags.once === true,
        options: resolved.values,
        given: givenOptions(resolved),
      },
      listener,
    );
    stopper.setRunning(running, flags.once === true);
    const { failedBatches } = await running.done;
    if (failedBatches === 0) return 0;
    const next = checkpoint === undefined ? '' : `: the next run begins with ${failedBatches === 1 ? 'it' : 'them'}`;
    terminal.err(`${plural(failedBatches, 'batch', 'batches')} failed and left out${next}\n`);
    return FAILED_EXIT_CODE;
  } finally {
    stopper.release();
  }
}

/** Absolute; `--checkpoint none` runs without one. */
function checkpointOf(flags: RunFlags, job: LoadedJob, cwd: string): string | undefined {
  if (flags.checkpoint === '') {
    throw new EngineError('optionInvalid', "--checkpoint wants a directory, or 'none', got an empty string");
  }
  return flags.checkpoint === 'none' ? undefined : resolve(cwd, flags.checkpoint ?? defaultCheckpoint(job));
}

/** A job's name is made so that it can be a folder's. */
const defaultCheckpoint = (job: LoadedJob): string => join('.sluice', job.name, 'checkpoint');

function modeOf(flags: RunFlags): ReportMode {
  if (flags.json && flags.quiet) {
    throw new EngineError('optionInvalid', '--json prints every event and --quiet prints none: give one of them');
  }
  if (flags.json) return 'json';
  return flags.quiet ? 'quiet' : 'plain';
}

export function optionFlags(flags: Pick<RunFlags, 'option' | 'interval' | 'workers'>): Record<string, string> {
  const options = pairs(flags.option, '--option');
  if (flags.interval !== undefined) options['interval'] = flags.interval;
  if (flags.workers !== undefined) options['workers'] = flags.workers;
  return options;
}

/** `['a=1', 'b=x=y']` -> `{ a: '1', b: 'x=y' }`; the last of a name given twice counts. */
export function pairs(given: readonly string[] | undefined, flag: string): Record<string, string> {
  return Object.fromEntries(
    (given ?? []).map(text => {
      const at = text.indexOf('=');
      if (at > 0) return [text.slice(0, at), text.slice(at + 1)];
      throw new EngineError('optionInvalid', `${flag} wants name=value, got '${text}'`);
    }),
  );
}

/** Ends the run when a signal, the end of standard output or a listener asks for it; asked before the run has begun, as soon as it has. */
class Stopper {
  readonly #terminal: Terminal;
  readonly #release: () => void;
  #state: 'running' | 'stopping' = 'running';
  #outputClosed = false;
  #running: RunningJob | undefined;
  #once = false;

  constructor(terminal: Terminal) {
    this.#terminal = terminal;
    this.#release = terminal.onSignal(signal => this.#signal(signal));
    terminal.onOutputClosed(() => {
      this.#outputClosed = true;
      if (this.#running !== undefined && !this.#once) this.stop();
    });
  }

  setRunning(running: RunningJob, once: boolean): void {
    this.#running = running;
    this.#once = once;
    if (this.#state === 'stopping') this.#stopGracefully(running);
    else if (this.#outputClosed && !once) this.stop();
  }

  stop(): void {
    if (this.#state === 'stopping') return;
    this.#state = 'stopping';
    if (this.#running !== undefined) this.#stopGracefully(this.#running);
  }

  release(): void {
    this.#release();
  }

  #signal(signal: 'SIGINT' | 'SIGTERM' | 'SIGHUP'): void {
    if (this.#state === 'stopping' && signal !== 'SIGHUP') {
      this.#terminal.exitNow(signal === 'SIGINT' ? 130 : 143);
      return;
    }
    if (this.#state === 'running') {
      this.#terminal.err(`${signal}: stopping after the batch under way; once more stops at once\n`);
    }
    this.stop();
  }

  /** A stop that fails makes `done` fail too, and that is where it is told. */
  #stopGracefully(running: RunningJob): void {
    running.stop('graceful').catch(() => undefined);
  }
}
