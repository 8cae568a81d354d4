/**
 * Finds where records end, so that a file can be cut into ranges of whole records. A border is the offset just behind
 * a record's line end.
 *
 * Arrow: every message says how long it is (arrow-borders.ts). Parquet: a file is one piece (parquet-file.ts).
 *
 * Lines and NDJSON: every LF ends a record, so a border is found by looking backwards from the cut.
 *
 * CSV: an LF inside a quoted field ends nothing, and whether a byte is inside can only be known from the front. All
 * bytes up to the cut are looked at once, by the rule that the decoder follows too: a field is quoted when its first
 * byte is a quote; two quotes in it are one of its characters, any other ends the quoted part; a quote elsewhere is
 * data. Blocks without a quote cost a memchr; the rest one automaton step a byte.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Format } from '../core/format.js';
import { messageBorder, messageBorders } from './arrow-borders.js';
import { parquetBorder, parquetBorders } from './parquet-file.js';
import type { InputBlock } from './input-block.js';

const LF = 10;
const QUOTE = 34;
/** The driver's loop gets a turn after so many bytes: about a millisecond. */
const TURN_BYTES = 4 * 1024 * 1024;

/**
 * @param from where a record begins
 * @param targets ascending offsets > `from`, none beyond the file's end
 * @returns for each target the greatest border in `(from .. target]`, or `from` when there is none
 */
export async function bordersBefore(
  input: InputBlock,
  format: Format,
  from: number,
  targets: readonly number[],
): Promise<number[]> {
  if (format.kind === 'arrow') return messageBorders(input, from, targets);
  if (format.kind === 'parquet') return parquetBorders(input, from, targets);
  return format.kind === 'csv'
    ? quotedBorders(input, format.delimiter, from, targets)
    : lineBorders(input, from, targets);
}

/** The first border behind `from`, looking no further than `limit`; -1 when there is none. */
export async function borderAfter(input: InputBlock, format: Format, from: number, limit: number): Promise<number> {
  if (format.kind === 'arrow') return messageBorder(input, from, limit);
  if (format.kind === 'parquet') return parquetBorder(input, from) ?? -1;
  return format.kind === 'csv'
    ? firstQuotedBorder(input, format.delimiter, from, limit)
    : lineEndAfter(input, from, limit);
}

/** Just behind the first LF at or after `from`, whatever it means there; -1 when there is none before `limit`. */
export async function lineEndAfter(input: InputBlock, from: number, limit: number): Promise<number> {
  const turns = new Turns();
  for (let position = from; position < limit;) {
    const block = input.at(position, limit);
    if (block.length === 0) return -1;
    const at = block.indexOf(LF);
    if (at >= 0) return position + at + 1;
    position += block.length;
    if (turns.isDue(block.length)) await nextTurn();
  }
  return -1;
}

async function lineBorders(input: InputBlock, from: number, targets: readonly number[]): Promise<number[]> {
  const turns = new Turns();
  const borders: number[] = [];
  let below = from;
  for (const target of targets) {
    let border = below;
    for (let end = target; end > below && border === below; end -= input.maxBytes) {
      const block = input.before(end, below);
      const at = block.lastIndexOf(LF);
      if (at >= 0) border = Math.max(below, end - input.maxBytes) + at + 1;
      else if (turns.isDue(block.length)) await nextTurn();
    }
    borders.push(border);
    below = border;
  }
  return borders;
}

async function quotedBorders(
  input: InputBlock,
  delimiter: string,
  from: number,
  targets: readonly number[],
): Promise<number[]> {
  const turns = new Turns();
  const scan = new QuoteScan(delimiter);
  const borders: number[] = [];
  let position = from;
  let border = from;
  for (const target of targets) {
    while (position < target) {
      const block = input.at(position, target);
      if (block.length === 0) break;
      const at = scan.lastBorder(block);
      if (at >= 0) border = position + at;
      position += block.length;
      if (turns.isDue(block.length)) await nextTurn();
    }
    borders.push(border);
  }
  return borders;
}

async function firstQuotedBorder(input: InputBlock, delimiter: string, from: number, limit: number): Promise<number> {
  const turns = new Turns();
  const scan = new QuoteScan(delimiter);
  for (let position = from; position < limit;) {
    const block = input.at(position, limit);
    if (block.length === 0) return -1;
    const at = scan.firstBorder(block);
    if (at >= 0) return position + at;
    position += block.length;
    if (turns.isDue(block.length)) await nextTurn();
  }
  return -1;
}

/** Says when it is time to let others run. */
class Turns {
  #bytes = 0;

  isDue(numBytes: number): boolean {
    this.#bytes += numBytes;
    if (this.#bytes < TURN_BYTES) return false;
    this.#bytes = 0;
    return true;
  }
}

/** At the start of a field; in an unquoted one, or behind the quoted part of one; in a quoted part; behind a quote in it. */
const FIELD_START = 0;
const PLAIN = 1;
const QUOTED = 2;
const QUOTE_SEEN = 3;

/** Where the automaton stands between two blocks of one file. */
export class QuoteScan {
  readonly #delimiter: number;
  #state = FIELD_START;

  constructor(delimiter: string) {
    this.#delimiter = delimiter.charCodeAt(0);
  }

  /** Moves over a block; the offset behind its last record end, or -1. */
  lastBorder(bytes: Buffer): number {
    if (!bytes.includes(QUOTE)) {
      if (this.#state === QUOTED) return -1;
      const last = bytes[bytes.length - 1];
      this.#state = last === LF || last === this.#delimiter ? FIELD_START : PLAIN;
      return bytes.lastIndexOf(LF) + 1 || -1;
    }
    return this.#walk(bytes, false);
  }

  /** Moves over a block up to its first record end; the offset behind that, or -1. */
  firstBorder(bytes: Buffer): number {
    return this.#walk(bytes, true);
  }

  /** One tight loop for each kind of field: most bytes are in the middle of one. */
  #walk(bytes: Uint8Array, stopAtFirst: boolean): number {
    const delimiter = this.#delimiter;
    const length = bytes.length;
    let state = this.#state;
    let border = -1;
    let i = 0;
    while (i < length) {
      if (state === QUOTED) {
        while (i < length && bytes[i] !== QUOTE) i++;
        if (i++ < length) state = QUOTE_SEEN;
        continue;
      }
      if (state !== PLAIN && bytes[i] === QUOTE) {
        state = QUOTED;
        i++;
        continue;
      }
      state = PLAIN;
      let byte = bytes[i];
      while (byte !== LF && byte !== delimiter && ++i < length) byte = bytes[i];
      if (i === length) break;
      state = FIELD_START;
      i++;
      if (byte !== LF) continue;
      border = i;
      if (stopAtFirst) break;
    }
    this.#state = state;
    return border;
  }
}
