/**
 * mapWithState against Spark's own data beyond its outputs, which `spark-streaming.spec.ts` compares: the states after
 * each batch, what single records do to a key, sequences of batches, and what is expected of the map that holds states.
 */
import { expect } from 'chai';
import type { State } from '../../lib/index.js';
import { decodeValue } from '../../lib/core/value-codec.js';
import { IdleIndex } from '../../lib/executor/idle-index.js';
import { StateTable } from '../../lib/state/state-table.js';
import { decodeTimed } from '../../lib/state/timed-value.js';
import { intBelow, randomOf } from '../helpers/random-values.js';
import {
  applyAndFree,
  hashOfKey,
  newTimedTable,
  runLeaf,
  setStates,
  timedStates,
  type TimedState,
} from '../executor/leaf-fixture.js';
import { cases, stateMapCases, stateRecordCases, stateSequence } from './case-data.js';
import type { ConformanceCase } from './cases.js';
import { runCase } from './run-case.js';

const mapCases = cases.filter(({ op }) => op === 'mapWithState');
const sorted = (rows: readonly unknown[]): unknown[] =>
  [...rows].sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));

async function rowsOf(
  one: ConformanceCase,
  snapshots: boolean,
  partitions: number,
  crash: boolean,
): Promise<unknown[][]> {
  const { batches, error } = await runCase({
    pipeline: snapshots ? [...one.pipeline, { op: 'stateSnapshots' }] : one.pipeline,
    intervalMs: one.params.batchDurationMs,
    pushes: one.input.slice(0, one.numBatchesToRun).map(batch => [[batch]]),
    partitions,
    crashAfter: () => crash,
  });
  if (error !== undefined) throw error;
  return batches.map(({ rows }) => sorted(rows));
}

describe('conformance of mapWithState with Spark Streaming', () => {
  it('has the cases it is about', () => {
    expect(mapCases.map(({ id }) => id.slice(-3))).to.deep.equal(['060', '061', '062', '063', '064', '065', '066']);
    expect(stateRecordCases.cases).to.have.length(14);
    expect(stateSequence.steps).to.have.length(12);
  });

  for (const one of mapCases) {
    const expected = one.expectedStateSnapshots;
    if (expected === undefined || expected === null) continue;
    for (const [partitions, crash] of [
      [1, false],
      [2, true],
      [5, true],
    ] as const) {
      const how = `on ${partitions} partitions${crash ? ', crashed after each batch' : ''}`;
      it(`${one.id} ${one.name}: the states after each batch, ${how}`, async () => {
        expect(await rowsOf(one, true, partitions, crash)).to.deep.equal(expected.map(sorted));
      });
    }
  }

  // Spark looks for idle keys when it writes a checkpoint, here both in its tenth batch; Sluice when they fall due.
  for (const one of mapCases.filter(({ id }) => id.endsWith('/065'))) {
    for (const crash of [false, true]) {
      it(`${one.id} ${one.name}: each in the batch in which it falls due${crash ? ', crashed after each' : ''}`, async () => {
        const outputs = await rowsOf(one, false, 2, crash);
        const nothing = (count: number): unknown[][] => Array.from({ length: count }, () => []);
        expect(outputs).to.deep.equal([...nothing(4), ['c'], ['b'], ...nothing(14)]);
        const snapshots = await rowsOf(one, true, 2, crash);
        const pairs = (...keys: string[]): unknown[] => keys.map(key => [key, 1]);
        expect(snapshots[0]).to.deep.equal(pairs('a', 'b', 'c'));
        expect(snapshots.slice(3, 6)).to.deep.equal([pairs('a', 'b', 'c'), pairs('a', 'b'), pairs('a')]);
        expect(snapshots.at(-1)).to.deep.equal(pairs('a'));
      });
    }
  }
});

describe('conformance of one batch of mapWithState', () => {
  for (const one of stateRecordCases.cases) {
    it(`${one.id}: ${one.fn} ${one.hasData ? 'with' : 'without'} data, timeout threshold ${one.timeoutThresholdMs}`, () => {
      const table = newTimedTable();
      if (one.initialState !== null) setStates(table, [[one.key, [one.initialState, one.initialUpdateTimeMs]]]);
      const removed: unknown[] = [];
      const timedOut: unknown[] = [];
      const f = (_key: unknown, _value: unknown, state: State<number>): unknown => {
        if (state.isTimingOut()) return void timedOut.push(state.get());
        switch (one.fn) {
          case 'get-state':
            return state.getOption() ?? -1;
          case 'update-state':
            return state.update(state.exists() ? state.get() + 1 : 0);
          case 'remove-state':
            removed.push(state.get());
            return state.remove();
          default:
            return undefined;
        }
      };
      const { mapped, delta } = runLeaf(table, {
        time: one.batchTimeMs,
        records: one.hasData ? [[one.key, 'data']] : [],
        ...(one.timeoutThresholdMs === null ? {} : { timeoutMs: one.batchTimeMs - one.timeoutThresholdMs }),
        f,
      });
      applyAndFree(table, delta);
      expect(mapped).to.deep.equal(one.expectedOutput);
      expect(removed).to.deep.equal(one.expectedRemoved);
      expect(timedOut).to.deep.equal(one.expectedTimedOut);
      const states = one.expectedStateAndTime === null ? [] : [[one.key, ...one.expectedStateAndTime]];
      expect(timedStates(table)).to.deep.equal(states);
    });
  }
});

describe('conformance of a sequence of batches of mapWithState', () => {
  const tables = new Map<string, TimedState[]>();
  /** A table of its own with the states that a step left. */
  const tableOf = (states: readonly TimedState[]): StateTable => {
    const table = newTimedTable();
    setStates(
      table,
      states.map(([key, state, time]) => [key, [state, time]] as const),
    );
    return table;
  };
  for (const { step, from, data = [], time = 0, expected } of stateSequence.steps) {
    const wanted = Object.entries(expected).map(([key, [state, at]]): TimedState => [key, state, at]);
    tables.set(step, wanted);
    if (from === undefined) continue;
    it(`step ${step}: ${data.length} records on ${from}`, () => {
      const before = tables.get(from) ?? [];
      const table = tableOf(before);
      const calls: unknown[] = [];
      const f = (key: string, order: number, state: State<number>): void => {
        calls.push([key, order]);
        if (order === 1) state.update(state.exists() ? state.get() + 1 : 0);
        if (order === 2) state.remove();
      };
      const { delta, snapshot } = runLeaf(table, { time, records: data, f });
      expect(calls).to.deep.equal(data);
      expect(timedStates(table), 'the states before the batch stay').to.deep.equal(before);
      expect(sorted(snapshot)).to.deep.equal(wanted.map(([key, state]) => [key, state]));
      applyAndFree(table, delta);
      expect(timedStates(table)).to.deep.equal(wanted);
    });
  }
});

/**
 * Spark's map of states is copied for each batch and keeps chains of changes. Here there is one table that only accepted
 * changes reach, so: put and remove are the change of a batch, copy is a batch that begins, getByTime is the index of idle
 * keys, and a map read back is the table that another thread takes over. Left out: putting into Spark's empty map throws,
 * a table takes what it gets (sm/1); and how long its chains are (sm/4, sm/5), for here there are none.
 */
describe('conformance of the table of states', () => {
  interface Held {
    readonly table: StateTable;
    /** Changes of the batch at hand, not applied. */
    readonly states: Map<number, [unknown, number]>;
  }
  const held = (states: Iterable<[number, [unknown, number]]> = []): Held => {
    const made: Held = { table: newTimedTable(), states: new Map() };
    for (const [key, timed] of states) put(made, key, timed);
    return made;
  };
  function put({ table, states }: Held, key: number, timed: [unknown, number] | undefined): void {
    if (timed === undefined) states.delete(key);
    else states.set(key, timed);
    if (timed !== undefined) IdleIndex.of(table).add(timed[1], hashOfKey(key));
    setStates(table, [[key, timed]]);
  }
  const get = (table: StateTable, key: number): unknown =>
    timedStates(table).find(([other]) => other === key)?.[1] ?? null;
  const getByTime = (table: StateTable, time: number): unknown[] =>
    sorted(
      IdleIndex.of(table)
        .before(time)
        .map(entry => [decodeValue(entry.key), decodeTimed(entry.value), entry.time]),
    );

  for (const { id, name, script } of stateMapCases.cases.slice(0, 3)) {
    it(`${id} ${name}`, () => {
      const maps = new Map<string, Held>([['map', held()]]);
      let map = maps.get('map') as Held;
      for (const [operation, ...args] of script) {
        const [first, second, third] = args as [number, unknown, number];
        const where = `${String(operation)} ${JSON.stringify(args)}`;
        switch (operation) {
          case 'on':
            map = maps.get(String(first)) ?? held();
            maps.set(String(first), map);
            break;
          case 'copy':
            if (second !== undefined) maps.set(String(second), held(maps.get(String(first))?.states));
            break;
          case 'put':
            if (args[3] !== 'throws') put(map, first, [second, third]);
            break;
          case 'remove':
            put(map, first, undefined);
            break;
          case 'get':
            expect(get(map.table, first), where).to.equal(second);
            break;
          case 'getByTime':
            expect(getByTime(map.table, first), where).to.deep.equal(second);
            break;
          case 'getAll':
            expect(timedStates(map.table), where).to.deep.equal(first);
            break;
          default:
            throw new Error(`no operation ${where}`);
        }
      }
    });
  }

  it('sm/6 all sequences of 9 batches that put or remove a key: the table, its times, and the thread that takes it over', () => {
    const random = randomOf(6);
    const table = newTimedTable();
    const oracle = new Map<number, [unknown, number]>();
    const byTime = (time: number): unknown[] =>
      sorted([...oracle].filter(([, [, at]]) => at < time).map(([key, [state, at]]) => [key, state, at]));
    let time = 1;
    for (let operation = 0; operation < 9; operation++, time++) {
      const change = new Map<number, [unknown, number] | undefined>();
      for (let key = 0; key < 512; key++) {
        const isPut = ((key >> (8 - operation)) & 1) === 0;
        if (isPut && !oracle.has(key)) IdleIndex.of(table).add(time, hashOfKey(key));
        change.set(key, isPut ? [intBelow(random, 1000), time] : undefined);
      }
      const before = timedStates(table);
      for (const [key, timed] of change) {
        if (timed === undefined) oracle.delete(key);
        else oracle.set(key, timed);
      }
      expect(timedStates(table)).to.deep.equal(before);
      setStates(table, change);
      expect(sorted(timedStates(table))).to.deep.equal(byTime(Number.POSITIVE_INFINITY));
      const takenOver = StateTable.attach(table.memory, table.address);
      for (let at = 0; at <= time + 1; at++) {
        expect(getByTime(table, at), `before ${at}`).to.deep.equal(byTime(at));
        expect(getByTime(takenOver, at), `before ${at}`).to.deep.equal(byTime(at));
      }
    }
  });
});
