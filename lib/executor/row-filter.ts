/**
 * The rows of a chunk for which a condition is true: by test after test, each for the rows that the ones before it have
 * left. Between tests only what the next ones read is gathered; what the condition alone reads is left behind.
 */
import type { ColumnChunk } from '../columnar/chunk.js';
import { kernels } from '../columnar/kernels.js';
import { evalPredicate, type Predicate } from '../columnar/predicate.js';
import { takeRows } from '../columnar/take-rows.js';
import type { Address } from '../columnar/slot-memory.js';
import { selectRows } from '../expr/eval-chunk.js';
import { withTextColumns } from '../expr/eval-text.js';
import { columnsOf, type BoundExpr, type CallUdf } from '../expr/expr-data.js';
import { splitCondition } from '../expr/split-condition.js';

/** Columns that are read of some rows; undefined = any. */
export type Names = ReadonlySet<string> | undefined;

/** Row numbers u32[count], ascending, in scratch. */
interface Selection {
  readonly indexes: Address;
  readonly count: number;
}

interface Test {
  readonly select: (chunk: ColumnChunk) => Selection;
  /** What it and the tests after it read. */
  readonly reads: ReadonlySet<string>;
}

/** @param wanted columns that are read of the rows that are kept */
export function rowFilter(condition: BoundExpr, wanted: Names, udf: CallUdf): (chunk: ColumnChunk) => ColumnChunk {
  const all = testsOf(condition, udf);
  const { predicate } = splitCondition(condition);
  return chunk => {
    // What the decoder has tested goes first, and is not tested again.
    const tests = predicate !== undefined && chunk.tested === predicate ? all.slice(1) : all;
    let kept: Selection | undefined;
    let left = chunk;
    for (const [i, { select }] of tests.entries()) {
      const found = select(left);
      if (found.count < left.numRows) kept = kept === undefined ? found : within(chunk, kept, found);
      const next = tests[i + 1];
      if (next === undefined || kept?.count === 0) break;
      if (kept !== undefined) left = takeRows(only(chunk, next.reads), kept.indexes, kept.count);
    }
    const taken = only(chunk, wanted);
    return kept === undefined ? taken : takeRows(taken, kept.indexes, kept.count);
  };
}

/** The chunk with these of its columns. */
export const only = (chunk: ColumnChunk, wanted: Names): ColumnChunk =>
  wanted === undefined
    ? chunk
    : {
        ...chunk,
        columns: chunk.columns.map((column, i) => (wanted.has(chunk.schema[i]?.name ?? '') ? column : undefined)),
      };

/** What costs least goes first: columns and constants, then functions of text, then what is computed row by row. */
function testsOf(condition: BoundExpr, udf: CallUdf): readonly Test[] {
  const { predicate, text, rest } = splitCondition(condition);
  const tests: Test[] = [];
  const reads = new Set<string>();
  const addFirst = (select: Test['select'], own: ReadonlySet<string>): void => {
    for (const name of own) reads.add(name);
    tests.unshift({ select, reads: new Set(reads) });
  };
  if (rest !== undefined) addFirst(chunk => selectRows(chunk, rest, udf), columnsOf(rest));
  if (text !== undefined)
    addFirst(chunk => rowsOf(withTextColumns(chunk, text.hoisted), text.predicate), columnsOf(text.condition));
  if (predicate !== undefined) addFirst(chunk => rowsOf(chunk, predicate), columnsOf(condition));
  return tests;
}

function rowsOf(chunk: ColumnChunk, predicate: Predicate): Selection {
  const mask = evalPredicate(chunk, predicate);
  const indexes = chunk.memory.scratch(chunk.numRows * 4);
  return { indexes, count: kernels(chunk.memory).maskRows(mask, chunk.numRows, indexes) };
}

/** Rows of the chunk by their places among those that were kept of it. */
function within({ memory }: ColumnChunk, kept: Selection, found: Selection): Selection {
  const indexes = memory.scratch(found.count * 4);
  kernels(memory).gather32(kept.indexes, found.indexes, found.count, indexes);
  return { indexes, count: found.count };
}
