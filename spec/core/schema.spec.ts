import { expect } from 'chai';
import { canonicalJson } from '../../lib/core/json.js';
import { csv, ndjson, text } from '../../lib/core/format.js';
import {
  bool,
  float64,
  formatSchema,
  int32,
  int64,
  nullable,
  schema,
  timestamp,
  utf8,
  type RowOf,
} from '../../lib/core/schema.js';

const events = schema({
  user: utf8(),
  n: int32(),
  ts: timestamp(),
  score: nullable(float64()),
  ok: bool(),
  big: int64(),
});

describe('schema', () => {
  it('keeps the order of the declaration', () => {
    expect(formatSchema(events.columns)).to.equal(
      'user utf8, n int32, ts timestamp, score float64?, ok bool, big int64',
    );
  });

  it('gives rows their types', () => {
    const row: RowOf<typeof events> = { user: 'u', n: 1, ts: 2, score: null, ok: true, big: 3 };
    // @ts-expect-error: only a nullable column may be null
    const wrong: RowOf<typeof events> = { ...row, user: null };
    expect(wrong.n).to.equal(1);
  });

  it('is frozen plain data', () => {
    expect(JSON.parse(JSON.stringify(events))).to.deep.equal({
      columns: [
        { name: 'user', kind: 'utf8', nullable: false },
        { name: 'n', kind: 'int32', nullable: false },
        { name: 'ts', kind: 'timestamp', nullable: false },
        { name: 'score', kind: 'float64', nullable: true },
        { name: 'ok', kind: 'bool', nullable: false },
        { name: 'big', kind: 'int64', nullable: false },
      ],
    });
    expect(
      Object.isFrozen(events) &&
        Object.isFrozen(events.columns) &&
        events.columns.every(column => Object.isFrozen(column)),
    ).to.equal(true);
  });
});

describe('formats', () => {
  it('have their defaults', () => {
    expect(csv(events)).to.include({ kind: 'csv', header: true, delimiter: ',', onBadRecord: 'deadletter' });
    expect(ndjson(events, { onBadRecord: 'fail' })).to.include({ kind: 'ndjson', onBadRecord: 'fail' });
    expect(formatSchema(text().columns)).to.equal('value utf8');
  });

  it('refuse a delimiter that CSV cannot have', () => {
    for (const delimiter of ['', ';;', '"', '\n', '\r', 'é']) {
      expect(() => csv(events, { delimiter }), JSON.stringify(delimiter))
        .to.throw('one ASCII character')
        .with.property('code', 'optionInvalid');
    }
    expect(csv(events, { delimiter: '\t' })).to.include({ delimiter: '\t' });
  });
});

describe('canonical JSON', () => {
  it('is the same for equal data, whatever the order of its keys', () => {
    expect(canonicalJson({ b: 1, a: [{ y: null, x: 'é' }] })).to.equal('{"a":[{"x":"é","y":null}],"b":1}');
    expect(canonicalJson({ a: [{ x: 'é', y: null }], b: 1 })).to.equal(
      canonicalJson({ b: 1, a: [{ y: null, x: 'é' }] }),
    );
  });
});
