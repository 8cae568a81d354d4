import { tableFromIPC } from 'apache-arrow';
import { expect } from 'chai';
import { exportArrow, exportJson, operatorsOf } from '../../../lib/driver/tools/export-state.js';
import { loadState, type LoadedState } from '../../../lib/driver/tools/loaded-state.js';
import { entriesOfPass } from '../../../lib/driver/tools/operator-state.js';
import { refusalOf } from '../../checkpoint/tools/tool-world.js';
import { CHECKPOINT, row, runToolJob } from './tool-run.js';

/** More batches than the snapshot has, a null in every place, text longer than 254 bytes, and a key that comes again. */
const LONG = 'x'.repeat(300);
const BATCHES = [
  [row('ann', { city: 'Köln', n: -5, price: 1.5 }), row('bob')],
  [row('ann', { city: LONG, n: 2 ** 40, price: Number.NaN, ok: false })],
  [row('', { at: -1 })],
  [row('ann', { city: 'Köln', n: -5, price: 1.5 })],
];

async function rowsOf(state: LoadedState, operator: string): Promise<Map<string, unknown>> {
  const rows = new Map<string, unknown>();
  for await (const line of exportJson(state, operatorsOf(state, operator))) {
    const { key, value } = JSON.parse(line) as { readonly key: unknown; readonly value: unknown };
    expect(rows.has(JSON.stringify(key)), 'a key comes once').to.equal(false);
    rows.set(JSON.stringify(key), value);
  }
  return rows;
}

describe('export of state', () => {
  let state: LoadedState;
  before(async () => {
    state = await loadState(await runToolJob(BATCHES), CHECKPOINT);
    expect(state.snapshots.length, 'has a snapshot').to.be.greaterThan(0);
    expect(state.deltas.length, 'has changes since').to.be.greaterThan(0);
  });

  it('decodes keys of columns of every kind', async () => {
    const key = (user: string, change: object): string =>
      JSON.stringify({ city: null, user, n: 1, price: null, ok: true, at: 1_700_000_000_000, ...change });
    expect([...(await rowsOf(state, 'six'))].toSorted()).to.deep.equal(
      [
        [key('ann', { city: 'Köln', n: -5, price: 1.5 }), { rows: 2 }],
        [key('bob', {}), { rows: 1 }],
        [key('ann', { city: LONG, n: 2 ** 40, price: { $number: 'NaN' }, ok: false }), { rows: 1 }],
        [key('', { at: -1 }), { rows: 1 }],
      ].toSorted(),
    );
  });

  it('shows aggregates by their names, and a minimum of nothing as null', async () => {
    const rows = await rowsOf(state, 'plain');
    expect(rows.get('{"user":"bob"}')).to.deep.equal({ rows: 1, least: null, last: 1_700_000_000_000 });
    expect(rows.get('{"user":""}')).to.deep.equal({ rows: 1, least: null, last: -1 });
    const wide = await rowsOf(state, 'wide');
    expect(wide.get('{"user":"ann"}')).to.have.property('rows', 3);
    expect(JSON.stringify(wide.get('{"user":"ann"}'))).to.match(/"kinds":.*-5.*"all":.*-5.*1099511627776.*-5/);
  });

  it('shows what closures keep as tagged JSON', async () => {
    const closures = await rowsOf(state, 'closures');
    const ann = JSON.stringify({ name: 'ann', tags: [true] });
    expect(closures.get(ann)).to.deep.equal({ $map: [['seen', [-5, -5]]] });
    expect((await rowsOf(state, 'sessions')).get('"ann"')).to.deep.equal({
      state: { last: -5, big: { $bigint: '1' } },
      updated: 4000,
    });
    const window = state.operators.find(({ kind }) => kind.startsWith('window'))?.id ?? '';
    const pieces = [...(await rowsOf(state, window))];
    expect(pieces.map(([key]) => key).toSorted()).to.deep.equal(['{"batch":3000}', '{"batch":4000}']);
    expect(pieces.flatMap(([, value]) => value).toSorted()).to.deep.equal(['', 'ann']);
  });

  it('writes an Arrow file with typed columns', async () => {
    const pieces: Uint8Array[] = [];
    const numRows = await exportArrow(state, 'six', async bytes => void pieces.push(bytes));
    const table = tableFromIPC(Buffer.concat(pieces));
    expect(numRows).to.equal(4);
    expect(table.schema.fields.map(({ name, type }) => `${name} ${String(type)}`)).to.deep.equal([
      'city Utf8',
      'user Utf8',
      'n Int64',
      'price Float64',
      'ok Bool',
      'at Timestamp<MILLISECOND>',
      'rows Int64',
    ]);
    const rows = [...table].map(found =>
      JSON.stringify(found, (_, v: unknown) => (typeof v === 'bigint' ? Number(v) : v)),
    );
    expect(rows.filter(text => text.includes('"user":"bob"'))).to.deep.equal([
      '{"city":null,"user":"bob","n":1,"price":null,"ok":true,"at":1700000000000,"rows":1}',
    ]);
    const empty: Uint8Array[] = [];
    const none = { ...state, snapshots: [], deltas: [] };
    expect(await exportArrow(none, 'six', async bytes => void empty.push(bytes))).to.equal(0);
    expect(tableFromIPC(Buffer.concat(empty)).numRows).to.equal(0);
  });

  it('gives every key in exactly one pass, whatever their number', async () => {
    for (const numPasses of [1, 3]) {
      const keys: string[] = [];
      for (let pass = 0; pass < numPasses; pass++)
        keys.push(...(await entriesOfPass(state, 'six', pass, numPasses)).keys());
      expect([keys.length, new Set(keys).size]).to.deep.equal([4, 4]);
    }
  });

  it('is the state of another number of workers too', async () => {
    const other = await loadState(await runToolJob(BATCHES, undefined, 3), CHECKPOINT);
    for (const { id } of state.operators) {
      if (id.startsWith('window')) continue;
      expect([...(await rowsOf(other, id))].toSorted()).to.deep.equal([...(await rowsOf(state, id))].toSorted());
    }
  });

  it('refuses an operator and a batch that are not there', async () => {
    const { fs } = state;
    expect(() => operatorsOf(state, 'plan')).to.throw("did you mean 'plain'?");
    const refusal = await refusalOf(loadState(fs, CHECKPOINT, 77));
    expect([refusal.code, refusal.message]).to.satisfy(
      ([code, message]: string[]) => code === 'optionInvalid' && /got 77: it has 4000/.test(String(message)),
    );
  });
});
