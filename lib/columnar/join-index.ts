/**
 * The table side of a broadcast hash join, in blocks of a slot's memory that outlive tasks: it is made once for a version
 * of the table, and every batch looks its keys up in it.
 *
 *   key of a row -> group (hash table of group-table.ts, nothing is added) -> table rows of the group
 *
 *   starts   u32[groups + 2]   group g has the kept rows [starts[g], starts[g + 1])
 *   kept     | none | rows of group 1 | rows of group 2 | ...   one column each, text copied to one block
 *
 * Kept row 0 is the row of nulls that a left join pairs with what finds nothing; group 0 is what finds nothing, and has
 * just that row. Rows of a group keep their order. Where each key is there once, a group's number is its row's.
 */
import type { Column } from '../core/schema.js';
import type { ColumnChunk, ColumnVector } from './chunk.js';
import { VALUE_BYTES } from './column-layout.js';
import { GroupTable } from './group-table.js';
import { joinKeys, presentRows } from './join-keys.js';
import { kernels } from './kernels.js';
import type { Address, SlotMemory } from './slot-memory.js';
import { takeColumn, takeRows } from './take-rows.js';

/** Rows of a chunk by their numbers, u32[count], in scratch. */
interface RowNumbers {
  readonly indexes: Address;
  readonly count: number;
}

/** What the rows that find a key get of the table. */
export interface KeptColumn {
  /** Of the table. */
  readonly from: string;
  /** In the joined row. */
  readonly name: string;
}

export class JoinIndex {
  /** Rows without a null in their key. */
  readonly numRows: number;
  /** Whether each key is there once. */
  readonly isUnique: boolean;
  /** u32[groups + 2]. */
  readonly starts: Address;
  /** The kept rows, row 0 of nulls among them. */
  readonly kept: ColumnChunk;
  readonly #memory: SlotMemory;
  readonly #table: GroupTable;
  readonly #blocks: readonly Address[];

  /**
   * Takes scratch of about the size of the chunk, and gives it back.
   *
   * @param table all rows of the table, in the slot's memory; not needed any more when this is done
   * @param on names of its key columns
   * @param columns what is kept of it
   * Throws `memoryLimit`.
   */
  constructor(table: ColumnChunk, on: readonly string[], columns: readonly KeptColumn[]) {
    const { memory } = table;
    const mark = memory.scratchMark();
    const { made, blocks } = memory.outliving(() => build(table, on, columns));
    memory.releaseScratch(mark);
    this.#memory = memory;
    this.#blocks = blocks;
    this.#table = made.table;
    this.numRows = made.numRows;
    this.isUnique = made.table.numGroups === made.numRows;
    this.starts = made.starts;
    this.kept = made.kept;
  }

  /**
   * The group of each row's key, in scratch: 0 where the table has no such key, or the row's has a null.
   *
   * @param keyColumns names of the chunk's key columns, in the order of the table's
   */
  probe(chunk: ColumnChunk, keyColumns: readonly string[]): Address {
    const { memory, numRows } = chunk;
    const groups = memory.scratch(numRows * 4);
    const mark = memory.scratchMark();
    const { keys, validities } = joinKeys(chunk, keyColumns);
    this.#table.probe(keys, numRows, groups);
    for (const validity of validities) kernels(memory).groupSelect(groups, numRows, 0, validity, 0, groups);
    memory.releaseScratch(mark);
    return groups;
  }

  dispose(): void {
    for (const address of this.#blocks) this.#memory.free(address);
  }
}

interface Built {
  readonly table: GroupTable;
  readonly numRows: number;
  readonly starts: Address;
  readonly kept: ColumnChunk;
}

function build(all: ColumnChunk, on: readonly string[], columns: readonly KeptColumn[]): Built {
  const { memory } = all;
  const chunk = presentRows(all, on);
  const { numRows } = chunk;
  const table = new GroupTable(memory, []);
  const groups = memory.scratch(numRows * 4);
  const { keys } = joinKeys(chunk, on);
  table.assign(keys, numRows, groups);
  const starts = memory.alloc((table.numGroups + 2) * 4);
  const indexes = inGroupOrder(memory, groups, numRows, starts, table.numGroups);
  return { table, numRows, starts, kept: keepColumns(chunk, columns, { indexes, count: numRows + 1 }) };
}

/** Row numbers group by group (counting sort), behind one that stands for kept row 0; fills `starts`. */
function inGroupOrder(
  memory: SlotMemory,
  groups: Address,
  numRows: number,
  starts: Address,
  numGroups: number,
): Address {
  const order = memory.scratch((numRows + 1) * 4);
  const next = memory.scratch((numGroups + 2) * 4);
  const { u32 } = memory;
  const [groupAt, startAt, orderAt, nextAt] = [groups >>> 2, starts >>> 2, order >>> 2, next >>> 2];
  u32.fill(0, nextAt, nextAt + numGroups + 2);
  u32[nextAt + 1] = 1;
  for (let row = 0; row < numRows; row++) u32[nextAt + u32[groupAt + row] + 1]++;
  for (let group = 1; group < numGroups + 2; group++) u32[nextAt + group] += u32[nextAt + group - 1];
  u32.copyWithin(startAt, nextAt, nextAt + numGroups + 2);
  u32[orderAt] = 0;
  for (let row = 0; row < numRows; row++) u32[orderAt + u32[nextAt + u32[groupAt + row]]++] = row;
  return order;
}

function keepColumns(chunk: ColumnChunk, columns: readonly KeptColumn[], rows: RowNumbers): ColumnChunk {
  const { memory } = chunk;
  const schema: Column[] = [];
  const vectors = columns.map(({ from, name }) => {
    const index = chunk.schema.findIndex(column => column.name === from);
    const column = chunk.schema[index];
    const vector = chunk.columns[index];
    if (column === undefined || vector === undefined) return undefined;
    schema.push({ name, kind: column.kind, nullable: column.nullable });
    return keepColumn(memory, vector, column, rows);
  });
  const place = { textStart: 0, textEnd: 0, ascii: chunk.ascii, scalar: false };
  return { kind: 'columns', numRows: rows.count, memory, schema, columns: vectors, ...place };
}

/** The rows of one column in a block of their own, row 0 made null, and texts in another. */
function keepColumn(memory: SlotMemory, vector: ColumnVector, { kind }: Column, rows: RowNumbers): ColumnVector {
  const width = VALUE_BYTES[kind];
  const { indexes, count } = rows;
  const taken = takeColumn(memory, vector, width, indexes, count);
  const values = keep(memory, taken.values, count * width);
  const validity = taken.validity === 0 ? 0 : keep(memory, taken.validity, (count + 7) >> 3);
  memory.u8.fill(0, values, values + width);
  if (validity !== 0) memory.u8[validity] &= 0xfe;
  if (taken.lengths === 0) return { values, lengths: 0, validity };
  const lengths = keep(memory, taken.lengths, count * 4);
  memory.u32[lengths >>> 2] = 0;
  const k = kernels(memory);
  if (validity !== 0) k.presentLengths(lengths, validity, count, lengths);
  const text = memory.alloc(k.slicesBytes(lengths, count, 0) + 16);
  k.slicesGather(values, lengths, count, 0, memory.scratch((count + 1) * 4), text);
  k.slicesFromLengths(lengths, count, text, values);
  return { values, lengths, validity };
}

/** A block with the bytes of a region. */
function keep(memory: SlotMemory, from: Address, byteLength: number): Address {
  const to = memory.alloc(byteLength);
  memory.u8.copyWithin(to, from, from + byteLength);
  return to;
}

/** Pairs that a join makes of one chunk at a time: what is above comes in pieces. */
export const MAX_PAIRS = 16_384;

/** Rows of a chunk with the table rows that they are paired with. */
export interface Pairs {
  /** Null: all rows of the chunk, each once. */
  readonly rows: RowNumbers | null;
  /** Kept rows of the index, one for each pair. */
  readonly tableRows: RowNumbers;
}

/**
 * The pairs of a chunk's rows, rows in order and table rows in theirs, in scratch; at most MAX_PAIRS at a time unless
 * keys are unique, when there are no more pairs than rows. What a piece takes in scratch, and the consumer takes
 * meanwhile, is given back when the next one is asked for.
 *
 * @param keepAll left join: a row that finds nothing is paired with kept row 0
 */
export function* pairsOf(index: JoinIndex, groups: Address, numRows: number, keepAll: boolean): Generator<Pairs> {
  const { memory } = index.kept;
  const k = kernels(memory);
  if (index.isUnique && keepAll) {
    yield { rows: null, tableRows: { indexes: groups, count: numRows } };
    return;
  }
  if (index.isUnique) {
    const indexes = memory.scratch(numRows * 4);
    const count = k.joinSelect(groups, numRows, 1, indexes);
    if (count === numRows) yield { rows: null, tableRows: { indexes: groups, count } };
    else if (count > 0) {
      const tableRows = memory.scratch(count * 4);
      k.gather32(groups, indexes, count, tableRows);
      yield { rows: { indexes, count }, tableRows: { indexes: tableRows, count } };
    }
    return;
  }
  const cursor = memory.scratch(8);
  memory.u32.fill(0, cursor >>> 2, (cursor >>> 2) + 2);
  const indexes = memory.scratch(MAX_PAIRS * 4);
  const tableRows = memory.scratch(MAX_PAIRS * 4);
  const mark = memory.scratchMark();
  for (;;) {
    const count = k.joinExpand(groups, index.starts, numRows, Number(keepAll), cursor, MAX_PAIRS, indexes, tableRows);
    if (count > 0) yield { rows: { indexes, count }, tableRows: { indexes: tableRows, count } };
    memory.releaseScratch(mark);
    if (count < MAX_PAIRS) return;
  }
}

/**
 * The columns of a chunk's rows and those of the table rows beside them.
 *
 * @param schema of the joined rows: the chunk's columns, then those that the index keeps
 * @param wanted names of columns that are read behind; others are left out
 * @param keepAll left join: table columns are null in pairs with kept row 0
 */
export function joinedChunk(
  chunk: ColumnChunk,
  index: JoinIndex,
  { rows, tableRows }: Pairs,
  { schema, wanted, keepAll }: { schema: readonly Column[]; wanted: ReadonlySet<string> | undefined; keepAll: boolean },
): ColumnChunk {
  const { memory } = chunk;
  const left = rows === null ? chunk : takeRows(chunk, rows.indexes, rows.count);
  const missing = keepAll ? presentBits(memory, tableRows) : 0;
  const right = index.kept.columns.map((column, i): ColumnVector | undefined => {
    const { name, kind } = index.kept.schema[i] ?? {};
    if (column === undefined || name === undefined || kind === undefined || wanted?.has(name) === false)
      return undefined;
    const taken = takeColumn(memory, column, VALUE_BYTES[kind], tableRows.indexes, tableRows.count);
    return column.validity === 0 ? { ...taken, validity: missing } : taken;
  });
  return {
    kind: 'columns',
    numRows: tableRows.count,
    memory,
    schema,
    columns: [...left.columns, ...right],
    ascii: chunk.ascii && index.kept.ascii,
    textStart: 0,
    textEnd: 0,
    scalar: false,
  };
}

/** Bit map of the pairs that found something; 0 where all did. */
function presentBits(memory: SlotMemory, { indexes, count }: RowNumbers): Address {
  const bits = memory.scratch((count + 7) >> 3);
  return kernels(memory).bitsOfNumbers(indexes, count, bits) === count ? 0 : bits;
}
