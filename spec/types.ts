/**
 * Only compiled, never run: what the public types take, and, by `@ts-expect-error`, what they refuse. A check that is
 * lost is a compile error.
 */
import {
  approxCountDistinct,
  approxPercentile,
  avg,
  BatchQueue,
  coalesce,
  collectList,
  JobContext,
  StatsReportListener,
  col,
  concat,
  count,
  countDistinct,
  countIf,
  csv,
  dateTrunc,
  desc,
  first,
  int64,
  isMain,
  job,
  last,
  length,
  lit,
  lower,
  max,
  min,
  minutes,
  ndjson,
  nullable,
  Receiver,
  schema,
  seconds,
  split,
  stddev,
  StateSpec,
  sum,
  text,
  timestamp,
  udf,
  upper,
  utf8,
  variance,
  when,
  type BatchInfo,
  type DStream,
  type MapWithStateStream,
  type JobContextState,
  type Rdd,
  type RowOf,
  type State,
  type StreamingContext,
  type StreamingListener,
} from '../lib/index.js';

const events = schema({ user: utf8(), action: nullable(utf8()), size: int64(), at: timestamp() });
const totals = schema({ n: int64() });

type Equal<A, B> = (<X>() => X extends A ? 1 : 2) extends <X>() => X extends B ? 1 : 2 ? true : false;

/** Takes a stream only where its rows are exactly of type T. */
const rowsAre =
  <T>() =>
  <R>(_stream: DStream<R>, ..._differ: Equal<R, T> extends true ? [] : [never]): void =>
    undefined;

export function elements(ssc: StreamingContext): void {
  const numbers = ssc.queueStream(new BatchQueue<number>().push([1], [], null));
  const lines: DStream<string> = ssc.fileStream('in', text());
  const named: DStream<{ readonly line: string }> = ssc.fileStream('in', text({ column: 'line' }));
  // @ts-expect-error: the column has another name
  named.where(col('value').eq('x'));

  rowsAre<string>()(numbers.map(x => x.toFixed(2)));
  rowsAre<number>()(numbers.flatMap(x => [x, 2 * x]));
  rowsAre<number>()(numbers.filter(x => x > 1).union(numbers, numbers));
  rowsAre<number[]>()(numbers.glom());
  rowsAre<number>()(numbers.mapPartitions(rows => [[...rows].length]));
  rowsAre<number>()(lines.count());
  rowsAre<string>()(lines.reduce((a, b) => a + b));
  rowsAre<[string, number]>()(lines.countByValue(3));
  rowsAre<string>()(ssc.union([lines, lines.repartition(4)]));
  const mixed: DStream<string | number> = ssc.queueStream(new BatchQueue<string | number>());
  rowsAre<string>()(mixed.filter((x): x is string => typeof x === 'string'));
  lines.foreachRDD(async (rdd: Rdd<string>, time: number) => void [(await rdd.take(3)).map(line => line.length), time]);

  // @ts-expect-error a number has no length
  numbers.map(x => x.length);
  // @ts-expect-error a condition is a boolean
  numbers.filter(x => `${x}`);
  // @ts-expect-error flatMap wants rows to iterate over
  numbers.flatMap(x => x);
  // @ts-expect-error streams of other rows
  numbers.union(lines);
  // @ts-expect-error streams of other rows
  ssc.union([numbers, lines]);
  // @ts-expect-error the result is not a row
  numbers.reduce((a, b) => `${a}${b}`);
  // @ts-expect-error a number of partitions
  numbers.repartition('4');
  // @ts-expect-error rows are numbers
  new BatchQueue<number>().push(['1']);
  // @ts-expect-error rows are strings
  lines.foreachRDD(async rdd => void (await rdd.collect()).map(line => line.toFixed(2)));
}

export function pairs(ssc: StreamingContext): void {
  const numbers = ssc.queueStream(new BatchQueue<number>());
  const sizes = ssc.fileStream('in', csv(events)).map(({ user, size }) => [user, size]);
  const names = numbers.map(n => [String(n), n > 0]);
  const byNumber = numbers.map(n => [n, n]);

  rowsAre<[string, number]>()(sizes);
  rowsAre<[string, string]>()(sizes.mapValues(String));
  rowsAre<[string, string]>()(sizes.flatMapValues(n => [`${n}`]));
  rowsAre<[string, number]>()(sizes.reduceByKey((a, b) => a + b, 2));
  rowsAre<[string, number[]]>()(sizes.groupByKey());
  rowsAre<[string, number]>()(sizes.partitionBy(3));
  rowsAre<[string, Set<number>]>()(
    sizes.aggregateByKey<Set<number>, string, number>(
      new Set(),
      (seen, n) => seen.add(n),
      (a, b) => new Set([...a, ...b]),
    ),
  );
  rowsAre<[string, [number[], boolean[]]]>()(sizes.cogroup(names));
  rowsAre<[string, [number, boolean]]>()(sizes.join(names));
  rowsAre<[string, [number, boolean | null]]>()(sizes.leftOuterJoin(names));
  rowsAre<[string, [number | null, boolean]]>()(sizes.rightOuterJoin(names));
  rowsAre<[string, [number | null, boolean | null]]>()(sizes.fullOuterJoin(names));
  // Pairs may also be declared read-only.
  const fixed = ssc.queueStream(new BatchQueue<readonly [string, number]>());
  rowsAre<[string, number]>()(fixed.reduceByKey(Math.max));

  // @ts-expect-error a number is no pair
  numbers.reduceByKey((a, b) => a + b);
  // @ts-expect-error a number is no pair
  numbers.groupByKey();
  // @ts-expect-error a number is no pair
  numbers.partitionBy(2);
  // @ts-expect-error a number is no pair
  numbers.join(sizes);
  // @ts-expect-error nor there
  sizes.join(numbers);
  // @ts-expect-error other keys
  sizes.join(byNumber);
  // @ts-expect-error other keys
  sizes.fullOuterJoin(byNumber);
  // @ts-expect-error values are numbers
  sizes.mapValues(value => value.length);
  // @ts-expect-error the result is not a value
  sizes.reduceByKey((a, b) => `${a}${b}`);
  // @ts-expect-error the other side may be missing
  sizes.leftOuterJoin(names).mapValues(([, there]) => there.valueOf());
  const glue = (a: string, b: number | string): string => `${a}${b}`;
  // @ts-expect-error the zero is not what merge gives
  sizes.aggregateByKey<string, string, number>(0, glue, glue);
}

export function rdds(ssc: StreamingContext): void {
  ssc.queueStream(new BatchQueue<string>()).foreachRDD(async lines => {
    const numbers: Rdd<number> = lines.map(line => line.length);
    const sizes = lines.map(line => [line, line.length]);
    const seen = new Set<string>();
    await lines.foreach(line => seen.add(line));
    await lines.foreachPartition(async rows => void [...rows]);
    const flags: Rdd<[string, boolean]> = lines.keyBy(line => line).mapValues(line => line === '');

    const byNumber = numbers.keyBy(n => n);
    const sorted: Rdd<string> = lines.sortBy(line => line.length, false, 3);
    const byKey: Rdd<[string, number]> = sizes.sortByKey().repartitionAndSortWithinPartitions(2);
    const grouped: Rdd<[number, string[]]> = lines.groupBy(line => line.length);
    const zipped: Rdd<[string, number]> = lines.zip(numbers).union(lines.zipWithIndex(), lines.zipWithUniqueId());
    const product: Rdd<[number, string]> = numbers.cartesian(lines);
    const indexed: Rdd<[number, number]> = lines.mapPartitionsWithIndex((i, rows) => [[i, [...rows].length]]);
    const three: Rdd<[string, [number[], boolean[], number[]]]> = sizes.groupWith(flags, sizes);
    const less: Rdd<[string, number]> = sizes.subtractByKey(flags).foldByKey(0, Math.max);
    const parts: Rdd<number>[] = numbers.distinct().subtract(numbers).intersection(numbers).randomSplit([1, 2], 7);
    const first: string = await sorted.sample(false, 0.5, 1).coalesce(1).first();
    const greatest: string | undefined = await lines.max(line => line.length);
    const counts: Map<string, number> = await byKey.countByKey();
    const values: boolean[] = await flags.lookup('a');
    const total: number = await numbers.aggregate(0, (sum, n) => sum + n, Math.max);
    const { edges, counts: inBuckets } = await numbers.histogram([0, 1, 2]);
    const spread: number = (await numbers.stats()).sampleStdev + (await sizes.values().sum());
    await lines.saveAsTextFile('out');
    void [grouped, zipped, product, indexed, three, less, parts, first, greatest, counts, values, total];
    void [edges[0]?.toFixed(), inBuckets[0]?.toFixed(), spread, sizes.keys().toDebugString()];

    // @ts-expect-error a line is no pair
    lines.sortByKey();
    // @ts-expect-error a line is no pair
    lines.countByKey();
    // @ts-expect-error lines are no numbers
    lines.sum();
    // @ts-expect-error lines are no numbers
    lines.histogram(3);
    // @ts-expect-error pairs are no numbers
    sizes.stats();
    // @ts-expect-error other rows
    lines.subtract(numbers);
    // @ts-expect-error other keys
    sizes.subtractByKey(byNumber);
    // @ts-expect-error other keys
    sizes.groupWith(flags, byNumber);
    // @ts-expect-error keys are text
    sizes.lookup(1);
    // @ts-expect-error a zero of another type than the values
    sizes.foldByKey('', (a, b) => a + b);
    // @ts-expect-error a zero of another type than the rows
    numbers.fold('', (a, b) => a + b);
    // @ts-expect-error there may be no row
    (await lines.min()).length.toFixed();
    // @ts-expect-error a seed, so that driver and workers draw alike
    lines.sample(false, 0.5);
    // @ts-expect-error the rows of one partition, not their number alone
    lines.mapPartitionsWithIndex((i, rows) => i + rows);
  });
}

export function states(ssc: StreamingContext): void {
  const ones = ssc.fileStream('in', text()).map(word => [word, 1]);

  rowsAre<[string, number]>()(
    ones.updateStateByKey((values, state: number | undefined) => (state ?? 0) + values.length),
  );
  rowsAre<[string, string]>()(
    ones.updateStateByKey<string, string, number>(
      (values, state, key, time) => `${state ?? ''}${key.length}${time.toFixed()}${values.length.toFixed()}`,
      { initialState: [['a', 'x']], numPartitions: 2, id: 'texts' },
    ),
  );
  rowsAre<[string, { readonly n: number }]>()(
    ones.updateStateByKey(
      (values, state: { readonly n: number } | undefined) => ({ n: values.length + (state?.n ?? 0) }),
      {
        state: totals,
      },
    ),
  );

  // @ts-expect-error the new state is of another type than the old one
  ones.updateStateByKey<number, string, number>((_, state) => `${state ?? ''}`);
  // @ts-expect-error the old state may be missing
  ones.updateStateByKey<number, string, number>((values, state) => state + values.length);
  // @ts-expect-error values are numbers
  ones.updateStateByKey<number, string, number>(values => values[0]?.length);
  // @ts-expect-error the initial state is of another type
  ones.updateStateByKey<number, string, number>(values => values.length, { initialState: [['a', 'x']] });
  // @ts-expect-error keys are strings
  ones.updateStateByKey<number, string, number>(values => values.length, { initialState: [[1, 1]] });
  // @ts-expect-error the schema has other columns
  ones.updateStateByKey<{ m: number }, string, number>(values => ({ m: values.length }), { state: totals });

  rowsAre<[string, number]>()(
    ones.updateStateByPartition(function* (entries: Iterable<[string, number[], number | undefined]>, time) {
      for (const [key, values, state] of entries) yield [key, (state ?? time) + values.length] as const;
    }),
  );
  rowsAre<[string, string]>()(
    ones.updateStateByPartition<string, string, number>(
      entries => [...entries].map(([key, values, state]) => [key, `${state?.trim()}${values[0]?.toFixed()}`]),
      { initialState: [['a', 'x']], numPartitions: 2, id: 'by partition' },
    ),
  );
  // @ts-expect-error the state may be missing
  ones.updateStateByPartition<number, string, number>(e => [...e].map(([k, v, n]) => [k, n + v.length]));
  // @ts-expect-error pairs are given back
  ones.updateStateByPartition<number, string, number>(entries => [...entries].map(([key]) => key));
  // @ts-expect-error keys are strings
  ones.updateStateByPartition<number, string, number>(entries => [...entries].map((_, i) => [i, i]));
}

export function recordStates(ssc: StreamingContext): void {
  const numbers = ssc.queueStream(new BatchQueue<number>());
  const ones = ssc.fileStream('in', text()).map((word): [string, number] => [word, 1]);

  const total = StateSpec.function((word: string, n: number | undefined, sum: State<number>, time) => {
    sum.update((sum.getOption() ?? 0) + (n ?? 0));
    return sum.exists() && !sum.isTimingOut() ? `${word} ${sum.get().toFixed()} ${time.toFixed()}` : undefined;
  });
  const told: MapWithStateStream<string, number, string> = ones.mapWithState(
    total
      .initialState([['a', 1]])
      .numPartitions(2)
      .timeout('30m')
      .timeout(minutes(30))
      .id('totals'),
  );
  rowsAre<string>()(told);
  rowsAre<string>()(told.map(line => line.trim()));
  rowsAre<[string, number]>()(told.stateSnapshots());
  rowsAre<[string, number]>()(told.stateSnapshots().reduceByKey(Math.max));
  // Pairs are pairs, whether there always is one or not.
  rowsAre<[string, boolean]>()(
    ones.mapWithState(StateSpec.function((key: string, _: number | undefined, s: State<Date>) => [key, s.exists()])),
  );
  rowsAre<number>()(
    ones.mapWithState(StateSpec.function<string, number, string, number>((_, n, state) => n ?? state.get().length)),
  );
  const forgetAll = (_: string, __: number | undefined, state: State<string>): void => state.remove();
  rowsAre<[string, string]>()(ones.mapWithState(StateSpec.function(forgetAll)).stateSnapshots());

  // @ts-expect-error a number is no pair
  numbers.mapWithState(total);
  // @ts-expect-error keys are numbers there
  numbers.map(n => [n, n]).mapWithState(total);
  // @ts-expect-error values are strings there
  ones.mapValues(String).mapWithState(total);
  // @ts-expect-error the value is missing when a key times out
  StateSpec.function((_: string, n: number, state: State<number>) => state.update(n.valueOf()));
  // @ts-expect-error the state may be missing
  StateSpec.function((_: string, n: number | undefined, state: State<number>) => state.getOption().toFixed());
  // @ts-expect-error the state is a number
  StateSpec.function((_: string, n: number | undefined, state: State<number>) => state.update('x'));
  // @ts-expect-error states are numbers
  total.initialState([['a', 'x']]);
  // @ts-expect-error keys are strings
  total.initialState([[1, 1]]);
  // @ts-expect-error a timeout is a duration
  total.timeout(true);
  // @ts-expect-error what is mapped are rows, states are pairs
  told.stateSnapshots().map(line => line.trim());
}

export function columns(ssc: StreamingContext): void {
  const stream = ssc.fileStream('in', ndjson(events));

  stream
    .groupBy('user')
    .agg({ n: count(), bytes: sum('size'), last: max('at') })
    .map(({ user, n, bytes, last }) => [user.length + n + bytes, last?.toFixed()])
    .print();
  stream
    .groupBy('user', 'action')
    .runningAgg({ clicks: countIf(col('action').eq('click').and(col('size').gt(3))) }, { id: 'clicks' })
    .saveAsCsv('out.csv', { header: true });
  // @ts-expect-error no such column
  stream.groupBy('name');
  // @ts-expect-error at least one column
  stream.groupBy();
  // @ts-expect-error no such column
  stream.groupBy('user').agg({ n: countIf(col('name').eq('x')) });
  // @ts-expect-error a column of text
  stream.groupBy('user').agg({ n: countIf(col('action').gt(3)) });
  // @ts-expect-error a sum wants numbers
  stream.groupBy('user').agg({ n: sum('action') });
  const perUser = stream.groupBy('user').agg({ n: count() });
  // @ts-expect-error rows after an aggregate have its columns only
  perUser.map(({ action }) => action);
  // @ts-expect-error lines of text have no columns
  ssc.fileStream('in', text()).groupBy('user');
}

export function wideAggregates(ssc: StreamingContext): void {
  const stream = ssc.fileStream('in', ndjson(events));
  const kept = stream.groupBy('user').agg({
    action: first('action'),
    doubled: last(col('size').mul(2)),
    low: min('user'),
    late: max('at'),
    sizes: countDistinct('size'),
    users: approxCountDistinct(col('user')).where(col('size').gt(1)),
    p95: approxPercentile('size', 0.95),
    spread: stddev('size'),
    square: variance(col('size').div(2)),
  });
  rowsAre<{
    user: string;
    action: string | null;
    doubled: number | null;
    low: string | null;
    late: number | null;
    sizes: number;
    users: number;
    p95: number | null;
    spread: number | null;
    square: number | null;
  }>()(kept.map(row => ({ ...row })));
  const lists = stream
    .groupBy('user')
    .runningAgg({ actions: collectList('action'), sizes: collectList(col('size').add(1)) });
  rowsAre<{ user: string; actions: readonly string[]; sizes: readonly number[] }>()(lists.map(row => ({ ...row })));

  // @ts-expect-error a percentile wants numbers
  stream.groupBy('user').agg({ x: approxPercentile('action', 0.5) });
  // @ts-expect-error and which
  approxPercentile('size');
  // @ts-expect-error so does a deviation
  stream.groupBy('user').agg({ x: stddev(lower(col('user'))) });
  // @ts-expect-error no such column
  stream.groupBy('user').agg({ x: first('sise') });
  // @ts-expect-error no such column
  stream.groupBy('user').agg({ x: collectList(col('sise')) });
  const one = stream.groupBy('user').agg({ x: first('size'), xs: collectList('user') });
  // @ts-expect-error the first may be missing
  one.map(({ x }) => x.toFixed());
  // @ts-expect-error the list is of texts
  one.map(({ xs }) => xs[0]?.toFixed());
}

export function expressions(ssc: StreamingContext): void {
  const stream = ssc.fileStream('in', ndjson(events));
  const text = (action: string): string => action;

  rowsAre<{ readonly user: string; readonly at: number }>()(stream.select('user', 'at'));
  rowsAre<{
    readonly user: string;
    readonly action: string | null;
    readonly isClick: boolean | null;
    readonly kb: number | null;
    readonly twice: number;
    readonly name: string;
    readonly day: number;
    readonly known: boolean;
    readonly constant: string;
  }>()(
    stream.select({
      user: col('user'),
      action: col('action'),
      isClick: col('action').eq('click'),
      kb: col('size').div(1024),
      twice: col('size').add(col('size')),
      name: lower(concat(col('user'), '!')),
      day: dateTrunc('day', col('at')),
      known: col('action').isNotNull().and(col('size').gt(0)),
      constant: lit('x'),
    }),
  );
  rowsAre<{ readonly a: string; readonly b: string | number | null; readonly c: number | null; readonly d: string }>()(
    stream.select({
      a: coalesce(col('action'), 'none'),
      b: when(col('size').gt(1), col('action')).otherwise(col('size')),
      c: when(col('user').eq('x'), 1).otherwise(null),
      d: udf(text, 'utf8')(col('user')),
    }),
  );
  rowsAre<{
    readonly user: string;
    readonly action: string | null;
    readonly at: number;
    readonly size: string;
    readonly upper: string | null;
  }>()(stream.withColumn('size', col('size').cast('utf8')).withColumn('upper', upper(col('action'))));
  rowsAre<{ readonly user: string; readonly bytes: number }>()(stream.drop('action', 'at').rename({ size: 'bytes' }));
  rowsAre<{ readonly n: number }>()(stream.map(({ size }) => ({ n: size, more: true })).toColumns(totals));
  rowsAre<RowOf<typeof events>>()(
    stream
      .where(
        col('size')
          .between(1, 5)
          .or(col('action').isIn(['a', 'b'])),
      )
      .orderBy(desc('size'), 'user')
      .limit(3),
  );
  rowsAre<RowOf<typeof events>>()(stream.orderBy('user', desc('size')).limit(3));
  rowsAre<string>()(stream.orderBy('user').map(({ user }) => user));
  rowsAre<RowOf<typeof events>>()(stream.distinct().dropDuplicates(['user']));
  stream
    .groupBy('user')
    .agg({ mean: avg(col('size').mul(2)), long: count(col('action')).where(length(col('user')).gt(3)) })
    .map(({ user, mean, long }) => [user, mean?.toFixed(), long.toFixed()])
    .print();

  rowsAre<{ readonly action: string | null; readonly user: string; readonly word: string }>()(
    stream.select('user', 'action').explode('word', split(col('action'), ' ')),
  );

  // @ts-expect-error no such column
  stream.where(col('sise').gt(1));
  // @ts-expect-error numbers have no pieces
  stream.explode('x', split(col('size'), ' '));
  // @ts-expect-error no such column
  stream.select({ x: col('sise') });
  // @ts-expect-error no such column
  stream.select('sise');
  // @ts-expect-error no such column
  stream.drop('sise');
  // @ts-expect-error no such column
  stream.rename({ sise: 'x' });
  // @ts-expect-error no such column
  stream.dropDuplicates(['sise']);
  // @ts-expect-error no such column
  stream.orderBy(desc('sise'));
  // @ts-expect-error text is not added
  stream.select({ x: col('user').add(1) });
  // @ts-expect-error nor is it added to
  stream.select({ x: col('size').add(col('user')) });
  // @ts-expect-error a comparison with another type
  stream.where(col('size').eq('x'));
  // @ts-expect-error numbers have no lower case
  stream.select({ x: lower(col('size')) });
  // @ts-expect-error a number is not a condition
  stream.where(col('size').add(1));
  // @ts-expect-error a text is no argument of a function of numbers
  stream.select({ x: udf((n: number) => n, 'float64')(col('user')) });
  // @ts-expect-error the function does not give text
  udf((n: number) => n, 'utf8');
  // @ts-expect-error no such kind
  col('size').cast('int');
  // @ts-expect-error no such unit
  dateTrunc('decade', col('at'));
  // @ts-expect-error rows lack the column
  stream.map(({ user }) => ({ user })).toColumns(totals);
  // @ts-expect-error an average of text
  stream.groupBy('user').agg({ x: avg(lower(col('user'))) });
  // @ts-expect-error numbers have no columns
  ssc.queueStream(new BatchQueue<number>()).where(col('size').gt(1));
}

export function outputs(ssc: StreamingContext): void {
  const stream = ssc.fileStream('in', ndjson(events), { newFilesOnly: true, filter: name => name.endsWith('.json') });
  const numbers = ssc.queueStream(new BatchQueue<number>(), { defaultBatch: [1] });
  const batches: number[][] = [];

  rowsAre<string>()(ssc.textFileStream('in/*/', { id: 'lines' }));
  numbers.collectInto(batches);
  numbers.collectInto(async (rows, time) => void [rows[0]?.toFixed(), time.toFixed()]);
  numbers.saveAsTextFiles('out/numbers', 'txt');
  stream.saveAsArrow('out/events');
  // Rows may have more than the schema.
  stream.saveAsArrow('out/sizes', { schema: schema({ size: int64() }) });
  stream.map(({ user }) => ({ n: user.length, user })).saveAsArrow('out/n', { schema: totals });

  // @ts-expect-error rows are numbers
  numbers.collectInto([] as string[][]);
  // @ts-expect-error rows are numbers
  numbers.collectInto(rows => rows[0]?.length);
  // @ts-expect-error rows have no such column
  stream.saveAsArrow('out/n', { schema: totals });
  // @ts-expect-error the column is of another type
  stream.saveAsArrow('out/size', { schema: schema({ size: utf8() }) });
  // @ts-expect-error the column may be null
  stream.saveAsArrow('out/action', { schema: schema({ action: utf8() }) });
  // @ts-expect-error rows are numbers
  ssc.queueStream(new BatchQueue<number>(), { defaultBatch: ['1'] });
  // @ts-expect-error a filter is asked for names
  ssc.textFileStream('in', { filter: (size: number) => size > 0 });
}

export function windows(ssc: StreamingContext): void {
  const numbers = ssc.queueStream(new BatchQueue<number>());
  const ones = ssc.fileStream('in', text()).map((line): [string, number] => [line, 1]);
  const add = (a: number, b: number): number => a + b;

  rowsAre<number>()(numbers.window(seconds(5)));
  rowsAre<number>()(numbers.window('5s', minutes(1), { id: 'kept', numPartitions: 2 }));
  rowsAre<number>()(numbers.reduceByWindow(add, (total, leaving) => total - leaving, 5000));
  rowsAre<number>()(ones.countByWindow(5000, 1000));
  rowsAre<[number, number]>()(numbers.countByValueAndWindow(5000));
  rowsAre<[string, number[]]>()(ones.groupByKeyAndWindow(5000, 1000, 3));
  rowsAre<[string, number]>()(ones.reduceByKeyAndWindow(add, 5000));
  rowsAre<[string, number]>()(
    ones.reduceByKeyAndWindow(add, (total, leaving) => total - leaving, 5000, undefined, {
      filter: ([key, n]) => key.length > 0 && n.toFixed() !== '0',
    }),
  );

  // @ts-expect-error a window has a length
  numbers.window();
  // @ts-expect-error the inverse is of numbers too
  ones.reduceByKeyAndWindow(add, (total: string, leaving: string) => total + leaving, 5000);
  // @ts-expect-error without an inverse there are no totals to filter
  ones.reduceByKeyAndWindow(add, 5000, 1000, { filter: () => true });
  // @ts-expect-error not a stream of pairs
  numbers.reduceByKeyAndWindow(add, 5000);
}

class Numbers extends Receiver<number> {
  onStart(): void {
    void this.store(1);
    void this.store([1, 2]).then(() => this.restart('enough', new Error('why'), 500));
    // @ts-expect-error an item is a number
    void this.store('one');
    // @ts-expect-error many items are numbers
    void this.store(['one']);
    if (this.isStopped() || this.storeWaitMs() > 0) this.reportError(`${this.streamId} at ${this.location}`);
  }

  async onStop(): Promise<void> {}
}

class Events extends Receiver<{ n: number }> {
  onStart(): void {}
  onStop(): void {}
}

export function receivers(ssc: StreamingContext): void {
  rowsAre<number>()(ssc.receiverStream(() => new Numbers(), { id: 'numbers', maxRate: 10 }));
  ssc
    .receiverStream<{ readonly n: number }>(() => new Events(), { schema: totals })
    .groupBy('n')
    .agg({ c: count() });
  // @ts-expect-error the factory makes a receiver
  ssc.receiverStream(() => 1);
  // @ts-expect-error the receiver stores numbers, the schema has rows
  ssc.receiverStream<{ readonly n: number }>(() => new Numbers(), { schema: totals });
  rowsAre<string>()(ssc.socketTextStream('localhost', 9999, { encoding: 'latin1' }));
  // @ts-expect-error no such encoding
  ssc.socketTextStream('localhost', 9999, { encoding: 'utf16' });
  ssc.rawSocketStream('localhost', 9999, events).groupBy('user').agg({ n: count() });
  rowsAre<string>()(ssc.httpStream({ port: 0, format: text() }));
  ssc
    .httpStream({ port: 0, format: ndjson(events), token: 'very-secret' })
    .groupBy('user')
    .agg({ n: sum('size') });
  // @ts-expect-error a port is wanted
  ssc.httpStream({ format: text() });
}

export function jobs(): void {
  const build = (ssc: StreamingContext): void => ssc.fileStream('in', text()).print();
  job('name', { options: { interval: '200ms', workers: 3 } }, build);
  // @ts-expect-error an interval is a duration
  job('name', { options: { interval: true } }, build);
  job('name', { options: { backpressure: false, pidIntegral: 0.1 } }, build);
  // @ts-expect-error backpressure is on or off
  job('name', { options: { backpressure: 1 } }, build);
  // @ts-expect-error no such option
  job('name', { options: { speed: 3 } }, build);
}

export function tables(ssc: StreamingContext): void {
  const users = schema({ user: utf8(), country: utf8(), age: nullable(int64()), size: int64() });
  const stream = ssc.fileStream('in', csv(events));
  const small = stream.select('user', 'at');
  const table = ssc.staticTable('users.csv', csv(users), { id: 'users', refresh: '1m' });
  type Small = { readonly user: string; readonly at: number };
  rowsAre<{
    readonly user: string;
    readonly at: number;
    readonly country: string;
    readonly age: number | null;
    readonly size: number;
  }>()(small.join(table, 'user'));
  rowsAre<{
    readonly user: string;
    readonly at: number;
    readonly country: string | null;
    readonly age: number | null;
    readonly size: number | null;
  }>()(small.join(table, 'user', { how: 'left' }));
  rowsAre<Small>()(small.join(table, 'user', { how: 'semi' }));
  rowsAre<{ readonly user: string; readonly name: string; readonly n: number }>()(
    ssc
      .queueStream(new BatchQueue<{ user: string; n: number }>(), { schema: schema({ user: utf8(), n: int64() }) })
      .join(ssc.staticTable([{ id: 'a', name: 'Ann' }], schema({ id: utf8(), name: utf8() })), { user: 'id' })
      .select('user', 'name', 'n'),
  );
  rowsAre<{ readonly user: string; readonly kb: number; readonly land: string }>()(
    stream
      .select('user', 'size')
      .join(table.rename({ country: 'land', size: 'kb' }), ['user'])
      .select('user', 'kb', 'land'),
  );
  rowsAre<RowOf<typeof events>>()(stream.toRows());

  // @ts-expect-error the table has no such column
  small.join(table, 'at');
  // @ts-expect-error nor has the stream
  small.join(table, { action: 'country' });
  // @ts-expect-error nor the table
  small.join(table, { user: 'name' });
  // @ts-expect-error there is no right join: rows of the table that nothing finds belong to no batch
  small.join(table, 'user', { how: 'right' });
  // @ts-expect-error columns of both are wanted
  small.join(table);
  // @ts-expect-error rows have no columns
  ssc.textFileStream('in').join(table, 'user');
  // @ts-expect-error rows are those of the schema
  ssc.staticTable([{ id: 1 }], schema({ id: utf8() }));
  // @ts-expect-error no such column
  table.rename({ name: 'x' });
}

export async function contexts(): Promise<void> {
  const made = job('made', {}, ssc => ssc.fileStream('in', text()).print());
  const options = { checkpoint: 'cp', args: { top: 3, exact: true, input: 'in' }, options: { interval: '1s' } };
  const context: JobContext = await JobContext.create(made, options);
  await JobContext.create(new URL('file:///job.ts'), { once: true, onEvent: event => console.log(event.kind) });
  const machine = { createOnError: true, options: { workers: 2, slotMemory: '1GiB' } };
  const restarted: JobContext = await JobContext.getOrCreate('cp', () => context, machine);
  const active: JobContext | undefined = JobContext.getActive();
  const state: JobContextState = (active ?? restarted).state;
  const ended: boolean = await context.awaitTerminationOrTimeout(100);
  await context.stop({ graceful: ended && state === 'active' && isMain(import.meta.url), timeoutMs: 5 });

  // @ts-expect-error a job has a file or is made by job(...)
  await JobContext.create({ name: 'made' });
  // @ts-expect-error no such option
  await JobContext.create(made, { options: { speed: 3 } });
  // @ts-expect-error arguments are text, numbers or booleans
  await JobContext.create(made, { args: { input: ['in'] } });
  // @ts-expect-error the interval comes from the checkpoint
  await JobContext.getOrCreate('cp', () => context, { options: { interval: '2s' } });
  // @ts-expect-error a context is wanted
  await JobContext.getOrCreate('cp', () => made);
  // @ts-expect-error no such state
  if (context.state === 'running') return;
  // @ts-expect-error the state is changed by what is called
  context.state = 'stopped';
}

export function listeners(ssc: StreamingContext, context: JobContext): void {
  ssc.addStreamingListener({
    onBatchStarted: ({ batchInfo }) => console.log(batchInfo.processingStartTime?.toFixed()),
  });
  const stats: StreamingListener = new StatsReportListener(3);
  context.addStreamingListener(stats);
  context.removeStreamingListener(stats);
  context.addStreamingListener({
    onOutputOperationCompleted: async ({ outputOperationInfo }) =>
      console.log(outputOperationInfo.failureReason?.length),
  });

  // @ts-expect-error no such event
  context.addStreamingListener({ onBatchEnded: () => undefined });
  context.addStreamingListener({
    // @ts-expect-error a delay may not be known yet
    onBatchCompleted: ({ batchInfo }) => batchInfo.totalDelay.toFixed(),
  });
  // @ts-expect-error sources are looked up by their id
  const lookUp = (info: BatchInfo): unknown => info.streamIdToInputInfo.get(0);
  lookUp.toString();
}

export function jsonPathsAreOfDeclaredColumns(): void {
  const nested = schema({ id: utf8(), city: nullable(utf8()) });
  ndjson(nested, { paths: { city: 'user.address.city', id: ['user', 'id'] } });
  // @ts-expect-error: no such column
  ndjson(nested, { paths: { town: 'user.address.city' } });
}
