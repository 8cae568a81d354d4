import { main } from './main.js';
import { reportError } from './report-error.js';
import { processTerminal } from './terminal.js';

/** What Node ends with when nothing is left to do and a module still awaits. */
const NEVER_SETTLED = 13;

/**
 * Runs the command line in this process and ends it. An error that no promise holds (a timer of user code) is told as
 * one message too. The process is ended even if user code left something open.
 */
export async function start(argv: readonly string[]): Promise<void> {
  const terminal = processTerminal();
  const crash = (thrown: unknown): void => void endProcess(reportError(thrown, terminal));
  process.on('uncaughtException', crash);
  process.on('unhandledRejection', crash);
  process.once('exit', () => {
    if (process.exitCode !== NEVER_SETTLED) return;
    terminal.err('error: the job file was never loaded to its end: an await at its top waits for nothing\n');
    process.exitCode = 2;
  });
  await endProcess(await main(argv, terminal));
}

/** Exits when what was written is out: a pipe whose reader is slow may still hold some. */
async function endProcess(code: number): Promise<void> {
  process.exitCode = code;
  await Promise.all([drained(process.stdout), drained(process.stderr)]);
  process.exit(code);
}

function drained(stream: NodeJS.WriteStream): Promise<void> {
  return new Promise(resolve => {
    if (stream.destroyed || stream.writableLength === 0) resolve();
    else stream.write('', () => resolve());
  });
}
