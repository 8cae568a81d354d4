/**
 * Names and keys that mean something to JavaScript: a job that is full of them puts out what the same job puts out with
 * plain ones. Nothing of data, and no name, becomes code, a path, a prototype or a chain of properties.
 */
import { expect } from 'chai';
import { VirtualClock } from '../../lib/core/clock.js';
import { csv, ndjson } from '../../lib/core/format.js';
import { int64, schema, utf8, type Schema } from '../../lib/core/schema.js';
import { BatchQueue } from '../../lib/api/batch-queue.js';
import { job, type Job } from '../../lib/api/job.js';
import { StateSpec, type State } from '../../lib/api/state-spec.js';
import { countDistinct, countIf, first, max, sum } from '../../lib/expr/aggregate.js';
import { col, type Expr } from '../../lib/expr/expr.js';
import { ModelFileSystem } from '../helpers/model-file-system.js';
import { runEngine } from '../helpers/run-engine.js';

type Names = (plain: string) => string;
type Row = { readonly [name: string]: string | number };

const PLAIN = ['user', 'n', 'city', 'total', 'some', 'most', 'id', 'k1', 'k2', 'k3'];
const HOSTILE: readonly (readonly string[])[] = [
  ['__proto__', 'constructor', 'toString', 'prototype', 'hasOwnProperty', 'valueOf'],
  ["'];process.exit(9);//", '`${process.exit(9)}`', '*/process.exit(9)/*', '\\', '"', '\u2028'],
  ['../../../../etc/x', '/etc/x', '..', '.', 'a\nb', 'CON'],
  ['%s%n', '\u001b[2J', '\u202eevil', '\ufeff', '--help', '$&$1'],
];

/** Plain names to hostile ones; those that a list does not have are the plain one with the list's first behind it. */
const namesOf = (hostile: readonly string[]): Names => {
  const known = new Map(PLAIN.map((plain, i) => [plain, hostile[i] ?? `${plain}${hostile[0]}`]));
  return plain => known.get(plain) ?? plain;
};

/** Values with the plain names again. */
function plainly(value: unknown, names: Names): unknown {
  const back = new Map(PLAIN.map(plain => [names(plain), plain]));
  const of = (inner: unknown): unknown => {
    if (typeof inner === 'string') return back.get(inner) ?? inner;
    if (Array.isArray(inner)) return inner.map(of);
    if (typeof inner !== 'object' || inner === null) return inner;
    // As entries: an own `__proto__` is one of them.
    return Object.entries(inner)
      .map(([name, own]) => [of(name), of(own)])
      .toSorted();
  };
  return of(value);
}

const schemaOf = (fields: readonly (readonly [string, 'text' | 'number'])[]): Schema<Row> =>
  schema(
    Object.fromEntries(fields.map(([name, kind]) => [name, kind === 'text' ? utf8() : int64()])),
  ) as unknown as Schema<Row>;

interface World {
  readonly queue: BatchQueue<Row>;
  /** By output and batch time, rows as they came. */
  readonly seen: Map<string, unknown[]>;
  readonly accumulated: unknown[];
}

const counted = StateSpec.function((key: unknown, n: number | undefined, seen: State<number>) => {
  seen.update((seen.getOption() ?? 0) + (n ?? 0));
  return [key, seen.get()];
});

function jobOf(names: Names, { queue, seen, accumulated }: World): Job {
  const [user, n, city, total, some, most, id] = PLAIN.map(names) as [
    string,
    string,
    string,
    string,
    string,
    string,
    string,
  ];
  const column = (name: string): Expr => col(name as never) as Expr;
  return job('names', {}, ssc => {
    const rows = ssc.queueStream(queue, {
      id,
      schema: schemaOf([
        [user, 'text'],
        [n, 'number'],
      ]),
    });
    const note = (name: string, stream: typeof rows): void =>
      stream.foreachRDD(async (rdd, time) => void seen.set(`${name} ${time}`, await rdd.collect()));
    const closures = (stream: unknown): typeof rows => stream as typeof rows;
    const aggregates = {
      [total]: sum(n as never),
      [some]: countIf(column(user).eq(names('k1') as never) as never),
      [most]: max(n as never),
      [city]: countDistinct(user as never),
    } as never;
    // By columns.
    note('all', rows);
    note('where', rows.where(column(user).ne(names('k2') as never) as never));
    note('select', closures(rows.select({ [total]: column(n), [city]: column(user) } as never)));
    note('withColumn', closures(rows.withColumn(city, column(user) as never)));
    note('rename', closures(rows.rename({ [user]: most } as never)));
    note('agg', closures(rows.groupBy(user as never).agg(aggregates)));
    note('runningAgg', closures(rows.groupBy(user as never).runningAgg(aggregates, { id: names('k1') })));
    note(
      'firsts',
      closures(rows.groupBy(n as never).agg({ [user]: first(user as never) } as never)).drop(n as never) as never,
    );
    note('distinct', rows.distinct());
    const cities = ssc.staticTable<Row>(
      ['k1', 'k2', 'k3'].map(key => Object.fromEntries([[user, names(key)] as const, [city, names(key)] as const])),
      schemaOf([
        [user, 'text'],
        [city, 'text'],
      ]),
      { id: names('k2') },
    );
    note('join', closures(rows.join(cities, user as never)));
    // By closures.
    const pairs = rows.map((row): [string, number] => [String(row[user]), Number(row[n])]);
    note('reduced', closures(pairs.reduceByKey((a, b) => a + b)));
    note('groups', closures(pairs.groupByKey().mapValues(all => all.toSorted().join())));
    note('cogroup', closures(pairs.reduceByKey((a, b) => a + b).cogroup(pairs.filter(([key]) => key !== names('k3')))));
    note('byRow', closures(rows.map(row => [row, 1]).reduceByKey((a, b) => a + b)));
    note('windows', closures(pairs.reduceByKeyAndWindow((a, b) => a + b, 2000)));
    note('mapped', closures(pairs.mapWithState(counted.id(names('k3')))));
    const sums = pairs.updateStateByKey<number, string, number>((values, all) => values.length + (all ?? 0), {
      id: user,
    });
    note('sums', closures(sums));
    const broadcast = ssc.broadcast<Row>(Object.fromEntries([[user, 7] as const]), total);
    note('broadcast', closures(rows.map(() => [Object.hasOwn(broadcast.value, user), broadcast.value])));
    const list = ssc.listAccumulator<string>(some);
    rows.foreachRDD(async rdd => {
      await rdd.foreach(row => list.add(String(row[user])));
      accumulated.splice(0, Infinity, ...list.value);
    });
    rows.saveAsJson('/out/rows.ndjson');
    rows.saveAsCsv('/out/rows.csv', { header: true });
  });
}

interface Outcome {
  readonly seen: unknown;
  readonly accumulated: unknown;
  readonly lines: unknown;
  readonly paths: readonly string[];
}

/** Two batches, a crash, and two more. */
async function outcomeOf(names: Names): Promise<Outcome> {
  const world: World = { queue: new BatchQueue<Row>(), seen: new Map(), accumulated: [] };
  const fs = new ModelFileSystem();
  const clock = new VirtualClock(0);
  const row = (key: string, n: number): Row =>
    Object.fromEntries<string | number>([
      [names('user'), names(key)],
      [names('n'), n],
    ]);
  const batch = (k: number): Row[] => ['k1', 'k2', 'k3', 'k1'].map((key, i) => row(key, k * 10 + i));
  for (const start of [1, 3]) {
    world.queue.push(batch(start));
    clock.advanceTo(start * 1000);
    const options = { keyGroups: 8 };
    const run = await runEngine(jobOf(names, world), { clock, fs, checkpoint: '/checkpoint', options });
    await run.batchesDone(1);
    world.queue.push(batch(start + 1));
    await run.next();
    const failed = run.events.find(event => event.kind === 'batchFailed');
    expect(failed, JSON.stringify(failed)).to.equal(undefined);
    await (start === 1 ? run.engine.abort() : run.engine.stop());
    fs.crash();
  }
  const textOf = (path: string): string => Buffer.from(fs.bytesOf(path)).toString();
  const parsed = textOf('/out/rows.ndjson')
    .trimEnd()
    .split('\n')
    .map(line => JSON.parse(line) as unknown);
  return {
    seen: [...world.seen].map(([name, rows]) => [
      name,
      (plainly(rows, names) as unknown[]).map(one => JSON.stringify(one)).toSorted(),
    ]),
    accumulated: plainly(world.accumulated, names),
    lines: [plainly(parsed, names), textOf('/out/rows.csv').split('\n').length > 5],
    paths: fs.paths().filter(path => !/^\/(checkpoint|deadletter)\/|^\/out\//.test(path)),
  };
}

describe('names and keys that mean something to JavaScript, a shell or a terminal', () => {
  let plain: Outcome;
  before(async () => {
    plain = await outcomeOf(name => name);
    expect(plain.seen).to.have.length(4 * 18);
    expect(plain.paths).to.deep.equal([]);
  });

  for (const hostile of HOSTILE) {
    it(`are names and keys: ${JSON.stringify(hostile)}`, async () => {
      const pristine = Object.getOwnPropertyNames(Object.prototype).join();
      expect(await outcomeOf(namesOf(hostile))).to.deep.equal(plain);
      expect(Object.getOwnPropertyNames(Object.prototype).join()).to.equal(pristine);
      expect(Object.getPrototypeOf({})).to.equal(Object.prototype);
    });
  }

  it('are columns of files, too', () => {
    const columns = schemaOf([
      ['__proto__', 'text'],
      ['constructor', 'number'],
    ]);
    for (const format of [csv(columns), ndjson(columns)]) {
      const declared = format as unknown as { readonly columns: readonly { readonly name: string }[] };
      expect(declared.columns.map(({ name }) => name)).to.deep.equal(['__proto__', 'constructor']);
    }
  });
});
