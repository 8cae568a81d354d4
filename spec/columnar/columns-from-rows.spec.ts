import { expect } from 'chai';
import { columnsFromRows } from '../../lib/columnar/columns-from-rows.js';
import { rowsOf } from '../../lib/columnar/rows.js';
import { EngineError } from '../../lib/core/errors.js';
import { bool, int32, int64, nullable, schema, timestamp, utf8 } from '../../lib/core/schema.js';
import { fullMemory } from './decode-fixture.js';

const events = schema({ user: utf8(), n: nullable(int32()), ok: nullable(bool()), at: nullable(timestamp()) });

describe('columns from rows', () => {
  const memory = fullMemory();

  afterEach(() => memory.resetScratch());

  const refusal = (row: unknown): string => {
    try {
      columnsFromRows(memory, events.columns, [{ user: 'a' }, row], 'counts (map 3)');
    } catch (error) {
      expect(error).to.be.instanceOf(EngineError).with.property('code', 'typeMismatch');
      return (error as EngineError).message;
    }
    return 'nothing was thrown';
  };

  it('name stream, row, column, what was expected and what was found in an error', () => {
    expect(refusal({ user: 5 })).to.equal('counts (map 3): row 1: column user wants utf8, got number 5');
    expect(refusal({})).to.equal('counts (map 3): row 1: column user wants utf8, got nothing: the field is missing');
    expect(refusal({ user: null })).to.equal('counts (map 3): row 1: column user wants utf8, got null');
    expect(refusal({ user: 'a', n: 1.5 })).to.equal(
      'counts (map 3): row 1: column n wants int32 or null, got number 1.5',
    );
    expect(refusal({ user: 'a', n: 2 ** 31 })).to.equal(
      'counts (map 3): row 1: column n wants int32 or null, got number 2147483648',
    );
    expect(refusal({ user: 'a', n: '1' })).to.equal(
      'counts (map 3): row 1: column n wants int32 or null, got string "1"',
    );
    expect(refusal({ user: 'a', ok: 1 })).to.equal('counts (map 3): row 1: column ok wants bool or null, got number 1');
    expect(refusal({ user: 'a', at: new Date(0) })).to.equal(
      'counts (map 3): row 1: column at wants timestamp or null, got object',
    );
    expect(refusal({ user: 'a', at: 2 ** 53 })).to.equal(
      'counts (map 3): row 1: column at wants timestamp or null, got number 9007199254740992',
    );
    expect(refusal('text')).to.equal('counts (map 3): row 1 wants an object with user, n, ok, at, got string "text"');
    expect(refusal(null)).to.equal('counts (map 3): row 1 wants an object with user, n, ok, at, got null');
  });

  it('take null and a missing field for one thing, and leave out fields that are not in the schema', () => {
    const rows = [
      { user: 'a', n: null, more: 1 },
      { user: 'b', ok: undefined, at: 5 },
    ];
    expect(rowsOf(columnsFromRows(memory, events.columns, rows, 's'))).to.deep.equal([
      { user: 'a', n: null, ok: null, at: null },
      { user: 'b', n: null, ok: null, at: 5 },
    ]);
  });

  it('do not take what every object inherits for a field', () => {
    const odd = schema({ constructor: nullable(utf8()), valueOf: nullable(int64()) });
    expect(
      rowsOf(columnsFromRows(memory, odd.columns, [{}], 's')).map(row => Object.entries(row as object)),
    ).to.deep.equal([
      [
        ['constructor', null],
        ['valueOf', null],
      ],
    ]);
  });

  it('read rows with prototypes of their own, and rows without one', () => {
    class Event {
      get user(): string {
        return 'a';
      }
    }
    const bare = Object.assign(Object.create(null), { user: 'b' }) as object;
    const rows = rowsOf(columnsFromRows(memory, events.columns.slice(0, 1), [new Event(), bare], 's'));
    expect(rows).to.deep.equal([{ user: 'a' }, { user: 'b' }]);
  });

  it('keep halves of a surrogate pair apart that meet where two strings do', () => {
    const rows = [{ user: 'a\ud83d' }, { user: '\ude00b' }];
    expect(rowsOf(columnsFromRows(memory, events.columns.slice(0, 1), rows, 's'))).to.deep.equal([
      { user: 'a\ufffd' },
      { user: '\ufffdb' },
    ]);
  });

  it('say whether all text is ASCII', () => {
    const ascii = (user: string): boolean =>
      columnsFromRows(memory, events.columns, [{ user: 'a' }, { user }], 's').ascii;
    expect([ascii('b'), ascii('\u00e9'), ascii('')]).to.deep.equal([true, false, true]);
  });

  it('make a chunk of no rows', () => {
    expect(rowsOf(columnsFromRows(memory, events.columns, [], 's'))).to.deep.equal([]);
  });
});
