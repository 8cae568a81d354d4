/**
 * Row objects to columns of values and back, one pair of generated functions per list of names.
 *
 * Objects must be monomorphic to be fast, so each schema has its own code. Names come from the job, and nothing named by
 * anyone becomes code: the generated text knows them as the variables k0, k1 ... only. Against names in the text that
 * costs a few percent (benchmarks/kernels-scan.bench.ts).
 */

/** Values of one column, row by row. */
export type ColumnValues = ArrayLike<unknown>;
export type MakeRows = (numRows: number, columns: readonly ColumnValues[]) => unknown[];
/** Appends each row's fields to `columns`; rows are objects. */
export type ReadRows = (rows: readonly unknown[], columns: readonly unknown[][]) => void;

let numGenerated = 0;

function generate(body: string, names: readonly string[]): unknown {
  const variables = names.map((_, i) => `k${i}`);
  // Equal text would share one function's type feedback among schemas.
  const url = `//# sourceURL=sluice-rows-${numGenerated++}`;
  return new Function(...variables, `'use strict';\n${body}\n${url}`)(...names) as unknown;
}

const list = (names: readonly string[], item: (i: number) => string, between: string): string =>
  names.map((_, i) => item(i)).join(between);

/** Makes plain objects with exactly these own properties, whatever they are called. */
export function makeRowsFunction(names: readonly string[]): MakeRows {
  // Assignment to __proto__ would set the prototype; a computed key in a literal defines a property, at half the speed.
  const made = names.includes('__proto__')
    ? `({ ${list(names, i => `[k${i}]: c${i}[row]`, ', ')} })`
    : `new Row(${list(names, i => `c${i}[row]`, ', ')})`;
  return generate(
    `function Row(${list(names, i => `v${i}`, ', ')}) {
       ${list(names, i => `this[k${i}] = v${i};`, ' ')}
     }
     Row.prototype = Object.prototype;
     return function makeRows(numRows, [${list(names, i => `c${i}`, ', ')}]) {
       const rows = [];
       for (let row = 0; row < numRows; row++) rows.push(${made});
       return rows;
     };`,
    names,
  ) as MakeRows;
}

/** Reads own and inherited properties, but none of those that every object has: a row without `constructor` has none. */
export function readRowsFunction(names: readonly string[]): ReadRows {
  const read = (i: number): string =>
    names[i] in Object.prototype ? `Object.hasOwn(row, k${i}) ? row[k${i}] : undefined` : `row[k${i}]`;
  return generate(
    `return function readRows(rows, [${list(names, i => `c${i}`, ', ')}]) {
       for (const row of rows) {
         ${list(names, i => `c${i}.push(${read(i)});`, ' ')}
       }
     };`,
    names,
  ) as ReadRows;
}

const makers = new Map<string, MakeRows>();
const readers = new Map<string, ReadRows>();

function cached<F>(cache: Map<string, F>, names: readonly string[], make: (names: readonly string[]) => F): F {
  const key = JSON.stringify(names);
  let made = cache.get(key);
  if (made === undefined) cache.set(key, (made = make(names)));
  return made;
}

/** As the functions above; made once a list of names. */
export const rowMaker = (names: readonly string[]): MakeRows => cached(makers, names, makeRowsFunction);
export const rowReader = (names: readonly string[]): ReadRows => cached(readers, names, readRowsFunction);
