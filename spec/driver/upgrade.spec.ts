/**
 * Jobs that changed between two runs. Each case has a snapshot and changes in the log of the job before; the changed one
 * loads both, dies before it has a snapshot of its own, and starts again on state of two definitions; at last it starts
 * from its own snapshot, without being told of the change.
 */
import { expect } from 'chai';
import { VirtualClock } from '../../lib/core/clock.js';
import { EngineError } from '../../lib/core/errors.js';
import {
  BatchQueue,
  avg,
  col,
  count,
  countDistinct,
  countIf,
  float64,
  int32,
  int64,
  job,
  max,
  schema,
  StateSpec,
  sum,
  upper,
  utf8,
  type DStream,
  type Schema,
  type State,
} from '../../lib/index.js';
import { exportJson } from '../../lib/driver/tools/export-state.js';
import { loadState } from '../../lib/driver/tools/loaded-state.js';
import type { AggExpr } from '../../lib/expr/aggregate.js';
import { ModelFileSystem } from '../helpers/model-file-system.js';
import { runEngine, type TestRun } from '../helpers/run-engine.js';

const events = schema({ user: utf8(), size: int64(), page: utf8() });
interface Event {
  readonly user: string;
  readonly size: number;
  readonly page: string;
}
const batch = (n: number): Event[] => [
  { user: 'ann', size: n, page: `p${n % 2}` },
  { user: 'bob', size: 10 * n, page: 'p0' },
];

type Build = (stream: DStream<Event>) => DStream<unknown>;

class World {
  readonly fs = new ModelFileSystem();
  readonly clock = new VirtualClock(0);
  readonly queue = new BatchQueue<Event>();
  rows: unknown[] = [];
  #batches = 0;

  async start(build: Build, workers = 2): Promise<TestRun> {
    this.queue.push(batch(++this.#batches));
    this.clock.advanceTo(this.#batches * 1000);
    this.rows = [];
    const made = job('upgrade', {}, ssc => {
      build(ssc.queueStream(this.queue, { schema: events })).foreachRDD(async rdd => {
        this.rows.push(...(await rdd.collect()));
      });
    });
    const options = { workers, keyGroups: 64, checkpointInterval: '1h' };
    const run = await runEngine(made, { clock: this.clock, fs: this.fs, checkpoint: '/checkpoint', options });
    await run.batchesDone(1);
    return run;
  }

  /** One batch, and a snapshot behind it. */
  async stopped(build: Build, workers?: number): Promise<{ rows: unknown[]; warnings: string[] }> {
    const run = await this.start(build, workers);
    await run.engine.stop();
    return { rows: sorted(this.rows), warnings: warningsOf(run) };
  }

  /** One batch, which only the log has. */
  async killed(build: Build, workers?: number): Promise<{ rows: unknown[]; warnings: string[] }> {
    const run = await this.start(build, workers);
    await run.engine.abort();
    this.fs.crash({ kind: 'kill' });
    return { rows: sorted(this.rows), warnings: warningsOf(run) };
  }

  async refused(build: Build): Promise<string> {
    try {
      await this.start(build);
    } catch (thrown) {
      expect(thrown).to.be.instanceOf(EngineError).with.property('code', 'checkpointForeign');
      this.queue.push(batch(this.#batches));
      return String((thrown as EngineError).message);
    }
    throw new Error('the job was not refused');
  }
}

const sorted = (rows: readonly unknown[]): unknown[] =>
  rows.toSorted((a, b) => JSON.stringify(a).localeCompare(JSON.stringify(b)));
const warningsOf = ({ events: all }: TestRun): string[] =>
  all.flatMap(event => (event.kind === 'warning' ? [event.message] : []));

/** The rows of batches 3 (after the change), 4 (after a crash) and 5 (from a snapshot, with `settled`). */
async function upgrade(before: Build, after: Build, settled = after): Promise<unknown[][]> {
  const world = new World();
  await world.stopped(before);
  await world.killed(before);
  const first = await world.killed(after, 3);
  expect(first.warnings.join('\n')).to.match(/the state of operator 's'/);
  const second = await world.stopped(after, 1);
  const third = await world.stopped(settled);
  expect(third.warnings).to.deep.equal([]);
  return [first.rows, second.rows, third.rows];
}

async function refusal(before: Build, after: Build): Promise<string> {
  const world = new World();
  await world.stopped(before);
  await world.killed(before);
  const message = await world.refused(after);
  // What was refused changed nothing.
  await world.stopped(before);
  return message;
}

const agg =
  (aggregates: Record<string, AggExpr<Event>>, upgrading = {}): Build =>
  stream =>
    stream.groupBy('user').runningAgg(aggregates, { id: 's', upgrade: upgrading });

describe('a job that changed', () => {
  it('takes running aggregates over: reordered, renamed, removed, new, and wider', async () => {
    const [third, fourth, fifth] = await upgrade(
      agg({ n: count(), total: sum('size'), top: max('size'), old: sum('size') }),
      agg(
        { largest: max('size'), fresh: count(), mean: avg('size'), n: count(), total: sum('size') },
        { renamed: { largest: 'top' }, removed: ['old'] },
      ),
      agg({ largest: max('size'), fresh: count(), mean: avg('size'), n: count(), total: sum('size') }),
    );
    expect(third).to.deep.equal([
      { user: 'ann', largest: 3, fresh: 1, mean: 3, n: 3, total: 6 },
      { user: 'bob', largest: 30, fresh: 1, mean: 30, n: 3, total: 60 },
    ]);
    expect(fourth?.[0]).to.deep.equal({ user: 'ann', largest: 4, fresh: 2, mean: 3.5, n: 4, total: 10 });
    expect(fifth?.[1]).to.deep.equal({ user: 'bob', largest: 50, fresh: 3, mean: 40, n: 5, total: 150 });
  });

  it('takes wide aggregates over, also into and out of a state of numbers alone', async () => {
    const narrow = { n: count(), total: sum('size') };
    const wide = { pages: countDistinct('page'), total: sum('size'), n: count() };
    const [third, fourth, fifth] = await upgrade(agg(narrow), agg(wide));
    expect(third?.[0]).to.deep.equal({ user: 'ann', pages: 1, total: 6, n: 3 });
    expect(fourth?.[0]).to.deep.equal({ user: 'ann', pages: 2, total: 10, n: 4 });
    expect(fifth?.[0]).to.deep.equal({ user: 'ann', pages: 2, total: 15, n: 5 });
    const [back] = await upgrade(agg(wide), agg(narrow, { removed: ['pages'] }), agg(narrow));
    expect(back?.[0]).to.deep.equal({ user: 'ann', n: 3, total: 6 });
    const two = { seen: countDistinct('page'), more: countDistinct('size') };
    const [renamed] = await upgrade(
      agg(wide),
      agg(two, { renamed: { seen: 'pages' }, removed: ['total', 'n'] }),
      agg(two),
    );
    expect(renamed?.[0]).to.deep.equal({ user: 'ann', seen: 2, more: 1 });
  });

  it('makes integers floats, with what is nothing staying nothing', async () => {
    const asFloat = (stream: DStream<Event>, kind: 'int' | 'float', upgrading = {}): DStream<unknown> => {
      const typed = schema({ user: utf8(), size: kind === 'int' ? int64() : float64() }) as Schema<Event>;
      return stream
        .map(({ user, size }) => ({ user, size }) as Event)
        .toColumns(typed)
        .groupBy('user')
        .runningAgg(
          { total: sum('size'), low: max('size').where(col('user').eq('bob')) },
          { id: 's', upgrade: upgrading },
        );
    };
    const [third] = await upgrade(
      stream => asFloat(stream, 'int'),
      stream => asFloat(stream, 'float'),
    );
    expect(third).to.deep.equal([
      { user: 'ann', total: 6, low: null },
      { user: 'bob', total: 60, low: 30 },
    ]);
  });

  const kept =
    <S>(state: Schema<S>, f: (size: number, old: S | undefined) => S, upgrading = {}): Build =>
    stream =>
      stream
        .map(({ user, size }) => [user, size] as [string, number])
        .updateStateByKey<S, string, number>(
          (sizes, old) =>
            f(
              sizes.reduce((a, b) => a + b, 0),
              old,
            ),
          {
            ...{ id: 's', state, upgrade: upgrading },
          },
        );

  it('takes states with a schema over: renamed, new with a default, removed, wider', async () => {
    const one = schema({ n: int32(), total: int64(), junk: int64() });
    const two = schema({ sum: float64(), weight: float64(), n: int64() });
    const f = (size: number, old?: { sum: number; weight: number; n: number }) => {
      const { sum: total, weight, n } = old ?? { sum: 0, weight: 1, n: 0 };
      return { sum: total + size * weight, weight, n: n + 1 };
    };
    const [third, fourth, fifth] = await upgrade(
      kept(one, (size, old) => ({ n: (old?.n ?? 0) + 1, total: (old?.total ?? 0) + size, junk: 7 })),
      kept(two, f, { renamed: { sum: 'total' }, defaults: { weight: 0.5 }, removed: ['junk'] }),
      kept(two, f),
    );
    expect(third?.[0]).to.deep.equal(['ann', { sum: 4.5, weight: 0.5, n: 3 }]);
    expect(fourth?.[0]).to.deep.equal(['ann', { sum: 6.5, weight: 0.5, n: 4 }]);
    expect(fifth?.[1]).to.deep.equal(['bob', { sum: 90, weight: 0.5, n: 5 }]);
  });

  it('makes states of any kind by its function, which is told their version', async () => {
    const versions = new Set<number>();
    const before: Build = stream =>
      stream
        .map(({ user, size }) => [user, size] as [string, number])
        .updateStateByKey<number[], string, number>((sizes, old = []) => [...old, ...sizes], { id: 's' });
    const after: Build = stream =>
      stream
        .map(({ user, size }) => [user, size] as [string, number])
        .updateStateByKey<{ all: string }, string, number>(
          (sizes, old) => ({ all: [...(old === undefined ? [] : [old.all]), ...sizes].join(' ') }),
          {
            id: 's',
            upgrade: {
              version: 1,
              migrate: (old, version) => {
                versions.add(version);
                return { all: (old as number[]).join(' ') };
              },
            },
          },
        );
    const [third, fourth] = await upgrade(before, after);
    expect(third).to.deep.equal([
      ['ann', { all: '1 2 3' }],
      ['bob', { all: '10 20 30' }],
    ]);
    expect(fourth?.[0]).to.deep.equal(['ann', { all: '1 2 3 4' }]);
    expect([...versions]).to.deep.equal([0]);
    expect(await refusal(after, before)).to.include('its version was 1 and is 0: keep version 1 in upgrade');
  });

  it('makes the states of mapWithState, and since when they are idle stays', async () => {
    const spec = StateSpec.function((user: string, size: number | undefined, state: State<number>) => {
      if (size === undefined) return `${user} left with ${state.get()}`;
      state.update((state.getOption() ?? 0) + size);
      return `${user} ${state.get()}`;
    });
    const withText = StateSpec.function((user: string, size: number | undefined, state: State<string>) => {
      if (size === undefined) return `${user} left with ${state.get()}`;
      state.update(`${state.getOption() ?? ''}+${size}`);
      return `${user} ${state.get()}`;
    });
    const pairs = (stream: DStream<Event>): DStream<[string, number]> =>
      stream.map(({ user, size }) => [user, size] as [string, number]);
    const [third, fourth] = await upgrade(
      stream => pairs(stream).mapWithState(spec.id('s')),
      stream =>
        pairs(stream)
          .filter(([user]) => user === 'ann')
          .mapWithState(
            withText
              .id('s')
              .timeout('1500ms')
              .upgrade({ version: 1, migrate: old => String(old) }),
          ),
    );
    expect(third).to.deep.equal(['ann 3+3']);
    expect(fourth).to.deep.equal(['ann 3+3+4', 'bob left with 30']);
  });

  it('is refused where an aggregate means something else, or a column does not fit, and nothing is changed', async () => {
    const clicks = (page: string): Build => agg({ n: countIf(col('page').eq(page)) });
    expect(await refusal(clicks('p0'), clicks('p1'))).to.include('n = sum(1) where page = "p1"');
    const lengths = (text: string): Build => agg({ n: countIf(upper(col('page')).eq(text)) });
    expect(await refusal(lengths('P0'), lengths('P1'))).to.match(/'n' was sum\(1\) where .*upper.*P0.* and is /);
    expect(await refusal(agg({ n: sum('size') }), agg({ n: max('size') }))).to.include(
      "'n' was sum(size) and is max(size)",
    );
    expect(await refusal(agg({ n: sum(col('size').mul(2)) }), agg({ n: sum(col('size').mul(3)) }))).to.include(
      "'n' was sum(size * 2) and is sum(size * 3)",
    );
    expect(
      await refusal(agg({ u: countDistinct('page') }), agg({ u: countDistinct('page').where(col('size').gt(1)) })),
    ).to.include("'u' was countDistinct(page) and is countDistinct(page) where size > 1");
    expect(await refusal(agg({ n: count(), m: count() }), agg({ n: count() }))).to.include(
      "'m' is gone: say that with upgrade: { removed: ['m'] }",
    );
    const wide = schema({ n: float64() });
    const narrow = schema({ n: int64() });
    const number = (size: number): { n: number } => ({ n: size });
    const message = await refusal(kept(wide, number), kept(narrow, number));
    expect(message).to.include("'n' was float64 and is int64, which not every value of it fits");
    expect(message).to.include('checkpoint: rows by any value of n float64');
    expect(message).to.include('job:        rows by any value of n int64');
    expect(message).to.include('sluice checkpoint drop-operator /checkpoint --operator s');
    expect(
      await refusal(
        kept(narrow, number),
        kept(schema({ n: int64(), m: int64() }), n => ({ n, m: n })),
      ),
    ).to.include("'m' is new: give upgrade: { defaults: { m: ... } }");
    const byPage: Build = stream => stream.groupBy('size').runningAgg({ n: count() }, { id: 's' });
    expect(await refusal(agg({ n: count() }), byPage)).to.include('its key changed');
    const opaque: Build = stream =>
      stream.map(({ user, size }) => [user, size] as [string, number]).updateStateByKey<number>(() => 1, { id: 's' });
    expect(await refusal(opaque, kept(narrow, number))).to.include(
      'give upgrade a version above 0 and a function migrate',
    );
  });

  it('has its state cut anew into any number of partitions, and its sources too', async () => {
    const users = Array.from({ length: 40 }, (_, i) => `user-${i}`);
    const build =
      (numPartitions: number): Build =>
      stream => {
        const each = stream
          .flatMap(({ size }) => users.map(user => ({ user, size, page: '' })))
          .repartition(numPartitions);
        const pairs = each.map(({ user, size }) => [user, size] as [string, number]);
        const counts = each
          .toColumns(events)
          .groupBy('user')
          .runningAgg({ n: count(), all: countDistinct('size') }, { id: 's', numPartitions })
          .map(({ user, n, all }) => `agg ${user} ${n} ${all}`);
        const kept2 = pairs
          .updateStateByKey<number>((sizes, old = 0) => old + sizes.length, { id: 'u', numPartitions })
          .map(([user, n]) => `update ${String(user)} ${n}`);
        const spec = StateSpec.function((user: string, size: number | undefined, state: State<number>) => {
          state.update((state.getOption() ?? 0) + (size === undefined ? 0 : 1));
          return `map ${user} ${state.get()}`;
        });
        const mapped = pairs.mapWithState(spec.id('m').numPartitions(numPartitions));
        const windowed = pairs
          .reduceByKeyAndWindow((a, b) => a + b, '1h', '1s', { id: 'w', numPartitions })
          .map(([user, n]) => `window ${user} ${n}`);
        return counts.union(kept2, mapped, windowed);
      };
    const same = new World();
    const cut = new World();
    for (const [i, n] of [1, 7, 3, 64, 2].entries()) {
      const expected = await same.stopped(build(2));
      // By turns from a snapshot and from the log of another cut.
      const found = await (i % 2 === 0 ? cut.killed(build(n), Math.min(n, 4)) : cut.stopped(build(n), Math.min(n, 4)));
      expect(found.rows, `${n} partitions`).to.deep.equal(expected.rows);
      expect(found.rows.length).to.equal(5 * users.length);
    }
  });

  it('keeps the states of operators without an id where others come, go and change places', async () => {
    const one = (page: string) => (stream: DStream<Event>) =>
      stream
        .where(col('page').eq(page))
        .groupBy('user')
        .runningAgg({ n: count() })
        .map(({ user, n }) => `${page} ${user} ${n}`);
    const world = new World();
    const first = await world.stopped(stream => one('p0')(stream).union(one('p1')(stream)));
    expect(first.rows).to.deep.equal(['p0 bob 1', 'p1 ann 1']);
    const turned = await world.killed(stream => one('p1')(stream).union(one('p0')(stream)));
    expect(turned.rows).to.deep.equal(['p0 ann 1', 'p0 bob 2']);
    const more: Build = stream => one('p2')(stream).union(one('p1')(stream), one('p0')(stream));
    const added = await world.killed(more);
    expect(added.rows).to.deep.equal(['p0 bob 3', 'p1 ann 2']);
    expect(added.warnings).to.deep.equal([
      "operator 'runningAgg(user)-3' is not in the checkpoint: it starts without state",
    ]);
    const message = await world.refused(one('p1'));
    expect(message).to.include('  runningAgg(user)\n').and.to.include('no operator with this id');
    expect(message).to.include("sluice checkpoint drop-operator /checkpoint --operator 'runningAgg(user)'");
    expect((await world.stopped(more)).rows).to.deep.equal(['p0 ann 2', 'p0 bob 4']);
  });

  it('takes key columns with other names for the same, when it is told that they are', async () => {
    const byWho = (upgrading: object): Build => {
      return stream =>
        stream
          .rename({ user: 'who' })
          .groupBy('who')
          .runningAgg({ n: count() }, { id: 's', ...upgrading });
    };
    const world = new World();
    const told = byWho({ upgrade: { renamed: { who: 'user' } } });
    await world.stopped(agg({ n: count() }));
    expect((await world.killed(told)).rows[0]).to.deep.equal({ who: 'ann', n: 2 });
    expect((await world.stopped(told)).rows[0]).to.deep.equal({ who: 'ann', n: 3 });
    expect((await world.stopped(byWho({}))).rows[0]).to.deep.equal({ who: 'ann', n: 4 });
    expect(await refusal(agg({ n: count() }), byWho({}))).to.include(
      "say so with upgrade: { renamed: { new: 'old' } }",
    );
  });

  it('steps back over the change where its snapshot is damaged, and rolls forward through the log of both', async () => {
    const world = new World();
    const before = agg({ n: count(), total: sum('size') });
    const after = agg({ total: sum('size'), pages: countDistinct('page'), n: count() });
    await world.stopped(before);
    await world.killed(before);
    await world.stopped(after);
    await world.killed(after);
    world.fs.overwrite('/checkpoint/MANIFEST', 40, Buffer.from('damaged'));
    const { rows, warnings } = await world.stopped(after);
    expect(warnings.join('\n')).to.include('stepped back to the one before it').and.to.include('becomes (');
    expect(rows[0]).to.deep.equal({ user: 'ann', total: 15, pages: 2, n: 5 });
    // The manifest before says since the step back what it has of both.
    world.fs.overwrite('/checkpoint/MANIFEST', 40, Buffer.from('damaged'));
    const third = agg({ n: count(), total: sum('size'), pages: countDistinct('page'), top: max('size') });
    expect((await world.stopped(third)).rows[0]).to.deep.include({ user: 'ann', total: 21, n: 6 });
  });

  it('has no state that tools could show until its first snapshot', async () => {
    const world = new World();
    await world.stopped(agg({ n: count() }));
    await world.killed(agg({ total: sum('size'), n: count() }));
    const show = async (): Promise<string[]> => {
      const lines: string[] = [];
      for await (const line of exportJson(await loadState(world.fs, '/checkpoint'), ['s'])) lines.push(line);
      return lines.toSorted();
    };
    const refused = await show().then(String, (thrown: unknown) => thrown);
    expect(refused).to.be.instanceOf(EngineError).with.property('code', 'checkpointForeign');
    await world.stopped(agg({ total: sum('size'), n: count() }));
    expect(await show()).to.deep.equal([
      '{"operator":"s","key":{"user":"ann"},"value":{"total":5,"n":3}}',
      '{"operator":"s","key":{"user":"bob"},"value":{"total":50,"n":3}}',
    ]);
  });

  it('goes on with other functions, which are not compared', async () => {
    const adding =
      (step: number): Build =>
      stream =>
        stream
          .map(({ user }) => [user, 1] as [string, number])
          .updateStateByKey<number>((values, old = 0) => old + step * values.length, { id: 's' });
    const world = new World();
    await world.stopped(adding(1));
    const { rows, warnings } = await world.killed(adding(100));
    expect(rows[0]).to.deep.equal(['ann', 101]);
    expect(warnings).to.deep.equal([]);
  });

  it('goes on with another window, of what the old one held, and is refused with other columns of it', async () => {
    const sums =
      (window: string): Build =>
      stream =>
        stream
          .map(({ user, size }) => [user, size] as [string, number])
          .reduceByKeyAndWindow((a, b) => a + b, window as '1s', '1s', { id: 's' });
    const world = new World();
    await world.stopped(sums('2s'));
    await world.stopped(sums('2s'));
    await world.stopped(sums('2s'));
    expect((await world.stopped(sums('4s'))).rows[0]).to.deep.equal(['ann', 2 + 3 + 4]);
    expect((await world.stopped(sums('1s'))).rows[0]).to.deep.equal(['ann', 5]);
    const sizes: Build = stream => stream.select('user', 'size').window('2s', '1s', { id: 's' });
    const pages: Build = stream => stream.select('user', 'page').window('2s', '1s', { id: 's' });
    expect(await refusal(sizes, pages)).to.include(
      'it was window of columns (user utf8, size int64) and is window of columns (user utf8, page utf8)',
    );
  });

  it('is refused where a source came under another name, and told of one that is only new', async () => {
    const world = new World();
    const output = '/out/rows.txt';
    const start = (...names: string[]): Promise<TestRun> => {
      const made = job('upgrade', {}, ssc => {
        const [first, ...rest] = names.map(id => ssc.rateStream({ rowsPerSecond: 1, id }));
        first
          ?.union(...rest)
          .map(String)
          .saveAsText(output);
      });
      return runEngine(made, { clock: world.clock, fs: world.fs, checkpoint: '/checkpoint' });
    };
    const stop = async (run: TestRun): Promise<string[]> => {
      await run.batchesDone(1);
      await run.engine.stop();
      return warningsOf(run);
    };
    expect(await stop(await start('a'))).to.deep.equal([]);
    const refused = await start('b').then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    expect(refused).to.be.instanceOf(EngineError).with.property('code', 'checkpointForeign');
    expect(String((refused as EngineError).message)).to.include('none of that name: a, and new in the job: b');
    world.clock.advanceTo(1000);
    expect(await stop(await start('a', 'b'))).to.deep.equal([
      "source 'b' is not in the checkpoint: it is read from its start",
    ]);
    world.clock.advanceTo(2000);
    expect(await stop(await start('b'))).to.deep.equal([
      "source 'a' is not in the job any more: how far it was read is forgotten",
    ]);
  });
});
