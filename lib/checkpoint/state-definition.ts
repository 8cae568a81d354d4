/** What the state of an operator is, by what a checkpoint says of it: told apart by a short hash, and taken apart by column. */
import { createHash } from 'node:crypto';
import { canonicalJson, type Json } from '../core/json.js';
import type { Column, ColumnKind } from '../core/schema.js';
import type { OperatorInfo } from './manifest.js';

/** 8 hex digits that differ where definitions do; pieces of state carry them. The id is no part of it. */
export function definitionOf({ kind, keys, values, aggregates, version }: OperatorInfo): string {
  const data = { kind, keys, values, aggregates: aggregates ?? null, version: version ?? 0 } as unknown as Json;
  return createHash('sha256').update(canonicalJson(data)).digest('hex').slice(0, 8);
}

/** One column of a state: a number, or what a wide aggregate keeps. */
export interface StateColumnInfo {
  readonly name: string;
  /** Undefined for a wide aggregate. */
  readonly column: Column | undefined;
  /** `int64`, `countDistinct of utf8`. */
  readonly type: string;
}

const KINDS = 'utf8|int32|int64|float64|bool|timestamp';
const ENTRY = new RegExp(`(.+?) (?:(${KINDS})(\\??)|(\\w+(?:\\([^)]*\\))? of (?:${KINDS})))(?:, |$)`, 'y');

/** Columns as `OperatorInfo` has them; undefined for values of closures, which have none. */
export function stateColumns(text: string): readonly StateColumnInfo[] | undefined {
  const found: StateColumnInfo[] = [];
  ENTRY.lastIndex = 0;
  let end = 0;
  for (let match = ENTRY.exec(text); match !== null; match = ENTRY.exec(text)) {
    const [, name = '', kind, mark, wide] = match;
    const column = kind === undefined ? undefined : { name, kind: kind as ColumnKind, nullable: mark === '?' };
    found.push({ name, column, type: wide ?? `${kind}${mark}` });
    end = ENTRY.lastIndex;
    if (end === text.length) return found;
  }
  return text === '' ? [] : undefined;
}
