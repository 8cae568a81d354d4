import { expect } from 'chai';
import { capturedVariables } from '../../lib/api/captured-variables.js';
import { freeNames } from '../../lib/api/free-names.js';

let counter = 1;
const table = { a: 1 };
const addCounter = (n: number): number => n + counter;

const namesOf = (f: (...args: never[]) => unknown): string[] => capturedVariables(f).map(({ name }) => name);

describe('freeNames', () => {
  const cases: readonly (readonly [string, readonly string[]])[] = [
    ['n => n + base', ['base']],
    ['(n) => n * factor + n.total', ['factor']],
    ['([key, total]) => ({ key, total, other: rest })', ['rest']],
    ["row => { const { a, b: [c] } = row; return a + c + `${d} ${row.e}` + 'f'; }", ['d']],
    ['function named(x) { for (const y of list) named(y); }', ['list']],
    ['async x => { try { await call(x); } catch (e) { throw e; } }', ['call']],
    ['x => x ? left : right', ['left', 'right']],
    ['x => f?.(x) ?? o.p?.q', ['f', 'o']],
    ['(...rest) => [...rest, ...more]', ['more']],
    ['x => /* hidden */ x + 1 // last', []],
    ['method(a, b) { if (a) { return a; } return b; }', ['method']],
  ];
  for (const [text, names] of cases) it(text, () => expect(freeNames(text)).to.deep.equal(names));
});

describe('capturedVariables', () => {
  it('finds variables of the module and of functions around, as they are now', () => {
    const local = 'x';
    const f = (n: number): string => local + n + counter;
    const before = capturedVariables(f);
    expect(before.map(({ name, shown }) => [name, shown])).to.deep.equal([
      ['local', "'x'"],
      ['counter', '1'],
    ]);
    counter++;
    const after = capturedVariables(f);
    expect(after[0]).to.deep.equal(before[0]);
    expect(after[1]?.digest).not.to.equal(before[1]?.digest);
  });

  it('looks into functions that are referred to, and into objects', () => {
    expect(namesOf((n: number) => addCounter(n))).to.deep.equal(['counter']);
    const before = capturedVariables(() => table);
    table.a = 2;
    expect(capturedVariables(() => table)).not.to.deep.equal(before);
  });

  it('leaves out what is no data, and names that are only the same', () => {
    const stream = new (class Stream {
      readonly n = 1;
    })();
    expect(namesOf(() => stream)).to.deep.equal([]);
    expect(namesOf((row: { counter: number }) => row.counter)).to.deep.equal([]);
    expect(namesOf((counter: number) => counter + 1)).to.deep.equal([]);
  });
});
