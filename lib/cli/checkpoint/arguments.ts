import { SystemClock } from '../../core/clock.js';
import { EngineError } from '../../core/errors.js';
import { NodeFileSystem } from '../../core/node-file-system.js';
import type { Terminal } from '../terminal.js';
import { visibleLine } from '../../core/visible.js';
import { refuseIfInUse, type ToolWorld } from '../../driver/checkpoint-tools.js';

/** The machine, as tools see it. */
export const machineTools = (): ToolWorld => ({ fs: new NodeFileSystem(), clock: new SystemClock() });

/** Files of a checkpoint at work come and go: what was read of it would not be one state. Throws `checkpointLocked`. */
export async function refuseIfUsed(fs: NodeFileSystem, directory: string): Promise<void> {
  // What is no directory is told by what reads it.
  const names = await fs.readdir(directory).catch(() => undefined);
  if (names !== undefined) await refuseIfInUse(fs, directory);
}

/** A batch time: epoch milliseconds, or ISO 8601 as other commands show it. Throws `optionInvalid`. */
export function parseBatch(text: string, flag: string): number {
  const time = /^\d{1,15}$/.test(text) ? Number(text) : /^\d{4}-\d\d-\d\dT/.test(text) ? Date.parse(text) : Number.NaN;
  if (!Number.isNaN(time)) return time;
  throw new EngineError(
    'optionInvalid',
    `${flag} wants the time of a batch, in epoch milliseconds or as 2024-01-01T00:00:00.000Z, got '${text}'`,
  );
}

/** A whole number of at least 0. Throws `optionInvalid`. */
export function parseCount(text: string, flag: string): number {
  if (/^\d{1,15}$/.test(text)) return Number(text);
  throw new EngineError('optionInvalid', `${flag} wants a whole number, got '${text}'`);
}

/** `NAME=VALUE`, split at the last `=`: a name may have one. Throws `optionInvalid`. */
export function splitLast(text: string, flag: string, shape: string): [string, string] {
  const at = text.lastIndexOf('=');
  if (at > 0) return [text.slice(0, at), text.slice(at + 1)];
  throw new EngineError('optionInvalid', `${flag} wants ${shape}, got '${text}'`);
}

/** Says on standard error what is not as it should be. */
export function warn(warnings: readonly string[], terminal: Terminal): void {
  for (const warning of warnings) terminal.err(`warning: ${visibleLine(warning)}\n`);
}

export const isoTime = (time: number | undefined): string =>
  time === undefined ? 'the very beginning' : new Date(time).toISOString();
