/** Where a source shall go on, as it is given on the command line, made into the source's state. */
import { join } from 'node:path';
import { setSourcePosition, type Changed } from '../../checkpoint/tools/checkpoint-changes.js';
import type { ToolWorld } from '../../checkpoint/tools/change-checkpoint.js';
import { EngineError } from '../../core/errors.js';
import type { Json } from '../../core/json.js';
import { printOf } from '../../sources/file-print.js';
import { encodeFileState, type FileRecord } from '../../sources/file-state.js';
import { NODE_FILES, openInput, type InputFiles } from '../../sources/input-files.js';
import { positionOf, positionText, type SourcePosition } from './source-positions.js';

export interface NewOffsets {
  /** By name in the source's folder: `start`, `end`, or the byte at which a record begins. */
  readonly files?: readonly (readonly [name: string, at: string])[];
  /** The folder that the source reads; wanted for `end` and for a byte. */
  readonly folder?: string;
  /** Number of the next row of a rate source. */
  readonly next?: number;
}

/**
 * Throws `optionInvalid` for what the kind of source cannot do, saying why, for a byte at which no line begins, and for a
 * source that a planned batch reads; `optionUnknown`, `inputMissing`, and what every change of a checkpoint throws.
 */
export async function setOffsets(
  world: ToolWorld,
  directory: string,
  source: string,
  offsets: NewOffsets,
  inputs: InputFiles = NODE_FILES,
): Promise<Changed<{ readonly before: string; readonly after: string }>> {
  let before = '';
  let after = '';
  const { aside } = await setSourcePosition(world, directory, source, async (state, ranges) => {
    const position = positionOf(state, ranges);
    const { state: moved, shown } = movedPosition(source, position, offsets, inputs);
    before = positionText(position, Infinity);
    after = positionText(shown, Infinity);
    return moved;
  });
  return { result: { before, after }, aside };
}

function movedPosition(
  source: string,
  position: SourcePosition,
  offsets: NewOffsets,
  inputs: InputFiles,
): { readonly state: Json; readonly shown: SourcePosition } {
  switch (position.kind) {
    case 'files': {
      const { files = [], folder } = offsets;
      if (files.length === 0 || offsets.next !== undefined)
        throw refused(
          source,
          'is read from files',
          'give --file NAME=start|end|BYTE, and --input FOLDER for the last two',
        );
      const known = new Map(position.files.map(file => [file.name, file]));
      for (const [name, at] of files) {
        const moved = movedFile(source, name, at, folder, inputs);
        if (moved === undefined) known.delete(name);
        else known.set(name, moved);
      }
      const all = [...known.values()];
      return { state: encodeFileState(all), shown: { kind: 'files', files: all } };
    }
    case 'rate': {
      const { next } = offsets;
      if (next === undefined || (offsets.files?.length ?? 0) > 0)
        throw refused(source, 'makes rows by number', 'give --next ROW');
      const state = { next, startMs: position.startMs };
      return { state, shown: { kind: 'rate', ...state } };
    }
    case 'queue':
      throw refused(source, 'is a queue in the program', 'there is nothing to go back to; push the rows again instead');
    case 'receiver':
      throw refused(
        source,
        'is what a receiver stored',
        'its blocks go when they are committed, so it can only be read in order; send the records again, or step the whole ' +
          'checkpoint back with: sluice checkpoint repair',
      );
    case 'table':
    case 'broadcast':
      throw refused(
        source,
        `is a ${position.kind}`,
        'which version a batch reads follows from the job, not from an offset',
      );
    case 'unknown':
      throw refused(source, 'was never read', 'it begins at its start anyway');
  }
}

const refused = (source: string, is: string, cure: string): EngineError =>
  new EngineError('optionInvalid', `source '${source}' ${is}: ${cure}`, { detail: { source } });

/** Undefined: it is not known any more, so it is read from its start. */
function movedFile(
  source: string,
  name: string,
  at: string,
  folder: string | undefined,
  inputs: InputFiles,
): FileRecord | undefined {
  if (at === 'start') return undefined;
  if (at !== 'end' && !/^\d{1,15}$/.test(at)) {
    throw new EngineError('optionInvalid', `--file ${name}= wants start, end or a byte, got '${at}'`);
  }
  if (at !== 'end' && /\.(arrows?|parquet)$/i.test(name)) {
    throw new EngineError(
      'optionInvalid',
      `--file ${name}=${at}: a file of record batches is read again from its start or not at all, give start or end`,
    );
  }
  if (folder === undefined) {
    throw new EngineError(
      'optionInvalid',
      `--file ${name}=${at} wants to look at the file, and the checkpoint does not say where it lies: give the folder that ` +
        `source '${source}' reads as --input`,
    );
  }
  const path = join(folder, name);
  const fd = openInput(inputs, path);
  if (fd === undefined) {
    throw new EngineError('inputMissing', `${path}: there is no such file, so reading cannot go on in it`, {
      detail: { path },
    });
  }
  try {
    const { size, ino, mtimeMs } = inputs.fstatSync(fd);
    const consumed = at === 'end' ? size : Number(at);
    if (consumed === 0) return undefined;
    if (consumed > size) {
      throw new EngineError('optionInvalid', `--file ${name}=${at} wants a byte of the file, and ${path} has ${size}`);
    }
    if (at !== 'end') requireLineStart(inputs, fd, path, consumed, size);
    return { name, ino, size, mtimeMs, consumed, refused: false, print: printOf(inputs, fd, consumed) };
  } finally {
    inputs.closeSync(fd);
  }
}

const LF = 10;
const LOOK_BYTES = 64 * 1024;

/** A record begins behind a line end. Of quoted line ends in CSV nothing is known here: the caller knows its records. */
function requireLineStart(inputs: InputFiles, fd: number, path: string, at: number, size: number): void {
  const before = new Uint8Array(Math.min(LOOK_BYTES, at));
  inputs.readSync(fd, before, 0, before.length, at - before.length);
  if (at === size || before.at(-1) === LF) return;
  const after = new Uint8Array(Math.min(LOOK_BYTES, size - at));
  inputs.readSync(fd, after, 0, after.length, at);
  const earlier = at - before.length + before.lastIndexOf(LF) + 1;
  const later = after.includes(LF) ? ` or ${at + after.indexOf(LF) + 1}` : '';
  throw new EngineError(
    'optionInvalid',
    `byte ${at} of ${path} is in the middle of a line: reading can go on at ${earlier}${later}, or give start or end`,
    { detail: { path, offset: at } },
  );
}
