import { EngineError, messageOf } from '../core/errors.js';
import type { Terminal } from './terminal.js';
import { visibleText } from '../core/visible.js';

/**
 * Says on standard error what went wrong, as `error: ...`, and returns the exit code: 2 for what the caller can cure,
 * 1 for a job that failed. The stack and the causes are shown only under SLUICE_DEBUG=1.
 */
export function reportError(thrown: unknown, terminal: Terminal): number {
  const isOurs = thrown instanceof EngineError;
  terminal.err(`error: ${visibleText(messageOf(thrown))}\n`);
  if (terminal.env['SLUICE_DEBUG'] === '1') terminal.err(`${visibleText(stacksOf(thrown))}\n`);
  else if (!isOurs) terminal.err('SLUICE_DEBUG=1 in the environment shows where it happened\n');
  return isOurs ? thrown.exitCode : 1;
}

function stacksOf(thrown: unknown): string {
  const stacks: string[] = [];
  for (let error = thrown; error instanceof Error && stacks.length < 10; error = error.cause) {
    stacks.push(error.stack ?? error.message);
  }
  return stacks.join('\ncaused by ');
}
