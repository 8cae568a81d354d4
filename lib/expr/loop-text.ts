/**
 * The text of a loop under construction. It is put together from fixed pieces, numbered names (`v3`, `k1`) and nothing
 * else: names of columns, texts and numbers of the job reach the loop as values, in `k` and its arguments.
 *
 *   c0 ...  columns of the chunk: addresses of values, lengths and validity, and, where a function needs them, strings
 *   t0 ...  constant texts, as slices
 *   k0 ...  other constants and functions
 *   v n a l x, numbered: of each node its number (or 0 and 1 for a bool), whether it is null, its slice, its string
 */
import type { ColumnKind } from '../core/schema.js';
import type { BoundColumn } from './expr-data.js';

/** Names of the variables that hold a node's value; empty where there is none. */
export interface Local {
  /** 1 where it is null; empty where it never is. */
  readonly n: string;
  readonly v: string;
  readonly a: string;
  readonly l: string;
  readonly x: string;
}

/** A column that the loop reads. */
export interface LoopColumn {
  readonly name: string;
  readonly kind: ColumnKind;
  /** Whether the loop wants its strings, beside its slices. */
  strings: boolean;
}

export class LoopText {
  readonly columns: LoopColumn[] = [];
  readonly texts: string[] = [];
  readonly constants: unknown[] = [];
  readonly #lines: string[] = [];
  readonly #declared: string[] = [];
  #numNodes = 0;

  line(text: string): void {
    this.#lines.push(text);
  }

  /** A function or other constant, by the name that the loop has for it. */
  constant(value: unknown): string {
    const known = this.constants.indexOf(value);
    return `k${known >= 0 ? known : this.constants.push(value) - 1}`;
  }

  /** Place of a constant text among those given as slices. */
  text(value: string): number {
    const known = this.texts.indexOf(value);
    return known >= 0 ? known : this.texts.push(value) - 1;
  }

  column({ name, kind }: BoundColumn): number {
    const known = this.columns.findIndex(column => column.name === name);
    return known >= 0 ? known : this.columns.push({ name, kind, strings: false }) - 1;
  }

  /** As `column`, whose strings the loop reads. */
  columnOfStrings(column: BoundColumn): number {
    const index = this.column(column);
    const found = this.columns[index];
    if (found !== undefined) found.strings = true;
    return index;
  }

  /** Variables for a node. @param shape which it needs */
  local(shape: 'number' | 'slice' | 'string', nullable: boolean): Local {
    const id = this.#numNodes++;
    const declare = (letter: string, isThere: boolean): string => {
      if (!isThere) return '';
      const name = `${letter}${id}`;
      this.#declared.push(`${name} = ${letter === 'x' ? "''" : '0'}`);
      return name;
    };
    return {
      n: declare('n', nullable),
      v: declare('v', shape === 'number'),
      a: declare('a', shape === 'slice'),
      l: declare('l', shape === 'slice'),
      x: declare('x', shape === 'string'),
    };
  }

  /** The text of a function that takes the constants and gives the loop. */
  factory(): string {
    const constants = this.constants.map((_, i) => `const k${i} = k[${i}];`).join(' ');
    const columns = this.columns
      .map(({ kind }, i) => {
        const shift = kind === 'float64' ? 3 : kind === 'bool' ? 0 : 2;
        return `const c${i} = c[${i}].values >>> ${shift}, q${i} = c[${i}].lengths >>> 2, w${i} = c[${i}].validity, s${i} = c[${i}].strings;`;
      })
      .join('\n');
    const texts = this.texts.map((_, i) => `const t${i} = t[${i}].address, m${i} = t[${i}].byteLength;`).join('\n');
    return `'use strict';
      ${constants}
      return function run(numRows, u8, u32, i32, f64, c, t, udf, out, outLengths, outValidity, strings) {
        ${columns}
        ${texts}
        const out4 = out >>> 2, out8 = out >>> 3, outLengths4 = outLengths >>> 2;
        let count = 0;
        for (let i = 0; i < numRows; i++) {
          ${this.#declared.length === 0 ? '' : `let ${this.#declared.join(', ')};`}
          ${this.#lines.join('\n')}
        }
        return count;
      };`;
  }
}
