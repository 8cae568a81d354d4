import { expect } from 'chai';
import { EngineError } from '../../lib/core/errors.js';
import { int64, schema } from '../../lib/core/schema.js';
import { BatchQueue } from '../../lib/api/batch-queue.js';
import type { DStream } from '../../lib/api/dstream.js';
import { buildGraph, job } from '../../lib/api/job.js';
import type { UpdateStateOptions } from '../../lib/api/stream-options.js';
import { CRASH, expectStream, runStream, type ExpectStreamOptions } from '../helpers/expect-stream.js';

type Input = (readonly string[] | typeof CRASH)[];

describe('updateStateByKey', () => {
  const total = (values: number[], state: number | undefined): number | undefined => {
    const next = (state ?? 0) + values.length;
    return next >= 7 ? undefined : next;
  };
  const counted = (options: UpdateStateOptions<number, string>) => (s: DStream<string>) =>
    s.map(x => [x, 1]).updateStateByKey<number, string, number>(total, options);
  /** 'a' begins with 5 and is forgotten at 7; 'b' begins with 2 and is never seen; 'c' has no initial state. */
  const initialState = [
    ['a', 5],
    ['b', 2],
  ] as const;
  const input: Input = [['a'], ['a', 'c'], ['a'], []];
  const expected = [
    [
      ['a', 6],
      ['b', 2],
    ],
    [
      ['b', 2],
      ['c', 1],
    ],
    [
      ['a', 1],
      ['b', 2],
      ['c', 1],
    ],
    [
      ['a', 1],
      ['b', 2],
      ['c', 1],
    ],
  ];
  const crashed: Input = input.flatMap(batch => [batch, CRASH]);
  const every: ExpectStreamOptions = { options: { checkpointInterval: 1000 } };
  const never: ExpectStreamOptions = { options: { checkpointInterval: 1_000_000 } };

  it('begins with the initial state, of which every key is visited', () =>
    expectStream(input, counted({ initialState }), expected));

  it('begins with the initial state once, whether a crash comes before the first snapshot', () =>
    expectStream(crashed, counted({ initialState }), expected, never));

  it('or after it', () => expectStream(crashed, counted({ initialState }), expected, every));

  it('on any number of partitions', async () => {
    for (const numPartitions of [1, 2, 5])
      await expectStream(crashed, counted({ initialState, numPartitions }), expected, never);
  });

  it('takes its initial state beside another operator that has none', () =>
    expectStream(
      crashed,
      s =>
        s
          .union(s.filter(() => false))
          .countByValue()
          .updateStateByKey<number>((_, state) => state)
          .union(counted({ initialState })(s)),
      expected,
      never,
    ));

  it('puts the initial state into columns of numbers when the state has a schema', () =>
    expectStream<number, unknown>(
      [[1, 2], CRASH, [3]],
      s =>
        s
          .map(x => ['sum', x])
          .updateStateByKey<{ total: number }, string, number>(
            (values, state) => ({ total: values.reduce((a, b) => a + b, state?.total ?? 0) }),
            { state: schema({ total: int64() }), initialState: [['sum', { total: 10 }]] },
          ),
      [[['sum', { total: 13 }]], [['sum', { total: 16 }]]],
    ));

  it('is given key and batch time', () =>
    expectStream<string, unknown>(
      [['a', 'b'], CRASH, ['b']],
      s =>
        s
          .map(x => [x, 1])
          .updateStateByKey<string, string, number>(
            (values, state, key, time) => `${state ?? ''}${key}${time}x${values.length} `,
          ),
      [
        [
          ['a', 'a1000x1 '],
          ['b', 'b1000x1 '],
        ],
        [
          ['a', 'a1000x1 a2000x0 '],
          ['b', 'b1000x1 b2000x1 '],
        ],
      ],
    ));

  const declare = (options: UpdateStateOptions<number, string>) => () =>
    buildGraph(
      job('spec', {}, ssc => counted(options)(ssc.queueStream(new BatchQueue<string>())).print()),
      {},
      2,
    );

  it('refuses an initial state with two entries for one key', () => {
    expect(
      declare({
        initialState: [
          ['a', 1],
          ['a', 2],
        ],
      }),
    ).to.throw(EngineError, /two entries for key "a"/);
    const twice = () =>
      job('spec', {}, ssc =>
        ssc
          .queueStream(new BatchQueue<[bigint, number]>())
          .updateStateByKey<number>(() => 1, {
            initialState: [
              [1n, 1],
              [1n, 2],
            ],
          })
          .print(),
      );
    expect(() => buildGraph(twice(), {}, 2)).to.throw(EngineError, /two entries for key 1n/);
  });

  it('has another plan with another initial state, so that a worker that differs is found out', () => {
    const planOf = (n: number): string =>
      JSON.stringify(declare({ initialState: [['a', n]] })().plan.nodes.map(node => node.operation));
    expect(planOf(1)).to.equal(planOf(1));
    expect(planOf(1)).not.to.equal(planOf(2));
  });
});

describe('updateStateByPartition', () => {
  type Entry = [key: string, values: number[], state: number | undefined];
  /** As `total` would be for each key: forgotten at 3. */
  function* totals(entries: Iterable<Entry>): Iterable<[string, number]> {
    for (const [key, values, state = 0] of entries) if (state + values.length < 3) yield [key, state + values.length];
  }
  const counted =
    (
      f: (entries: IterableIterator<Entry>, time: number) => Iterable<readonly [string, number | undefined]>,
      numPartitions = 2,
    ) =>
    (s: DStream<string>) =>
      s.map(x => [x, 1]).updateStateByPartition<number, string, number>(f, { numPartitions, initialState: [['i', 1]] });
  const input: Input = [['a', 'b'], ['a', 'c'], [], ['a', 'b', 'i', 'i'], []];
  const expected = [
    [
      ['a', 1],
      ['b', 1],
      ['i', 1],
    ],
    [
      ['a', 2],
      ['b', 1],
      ['c', 1],
      ['i', 1],
    ],
    [
      ['a', 2],
      ['b', 1],
      ['c', 1],
      ['i', 1],
    ],
    [
      ['b', 2],
      ['c', 1],
    ],
    [
      ['b', 2],
      ['c', 1],
    ],
  ];

  it('gives its function every key with its values and state, and keeps what that gives back', async () => {
    for (const n of [1, 2, 5]) await expectStream(input, counted(totals, n), expected);
  });

  it('does the same over crashes, on any number of workers', () =>
    expectStream(
      input.flatMap(batch => [batch, CRASH]),
      counted(totals, 3),
      expected,
      { workers: [1, 2, 3] },
    ));

  it('goes on with the state of updateStateByKey of the same id, and the other way round', async () => {
    let starts = 0;
    const either = (s: DStream<string>): DStream<unknown> => {
      const pairs = s.map((x): [string, number] => [x, 1]);
      // Driver and worker build the graph; with one worker every second start is of the other form.
      const byKey = (starts++ >> 1) % 2 === 0;
      return byKey
        ? pairs.updateStateByKey<number, string, number>((values, n = 0) => n + values.length, { id: 'n' })
        : pairs.updateStateByPartition<number, string, number>(totals, { id: 'n' });
    };
    const output = [[['a', 1]], [['a', 2]], [['a', 2]]];
    await expectStream([['a'], CRASH, ['a'], CRASH, []], either, output, { workers: [1] });
    expect(starts).to.equal(6);
  });

  it('forgets the keys that its function gives back with undefined', () =>
    expectStream(
      [['a', 'b'], [], CRASH, ['a']],
      counted(entries => [...entries].map(([key, values, n = 0]) => [key, values.length > 0 ? n + 1 : undefined])),
      [
        [
          ['a', 1],
          ['b', 1],
        ],
        [],
        [['a', 1]],
      ],
    ));

  it('forgets the keys that its function did not look at', () =>
    expectStream(
      [['a', 'b', 'c'], [], CRASH, []],
      s =>
        s
          .map(x => [x, 1])
          .updateStateByPartition<number, string, number>(
            function* (entries, time) {
              for (const [key] of entries) {
                yield [key, time];
                if (time === 2000) return;
              }
            },
            { numPartitions: 1 },
          )
          .map(([, time]) => time),
      [[1000, 1000, 1000], [2000], [3000]],
    ));

  it('keeps states as columns where they are declared', () =>
    expectStream<string, unknown>(
      [['a'], CRASH, ['a']],
      s =>
        s
          .map((x): [string, number] => [x, 1])
          .updateStateByPartition<{ n: number }, string, number>(
            entries => [...entries].map(([key, values, state]) => [key, { n: (state?.n ?? 0) + values.length }]),
            { state: schema({ n: int64() }) },
          ),
      [[['a', { n: 1 }]], [['a', { n: 2 }]]],
    ));

  it('refuses keys that its function was not given, or gives back twice', async () => {
    const messages = [
      (entries: Iterable<Entry>) => [...entries].map(([key]): [string, number] => [`${key}!`, 1]),
      (entries: Iterable<Entry>) =>
        [...entries].flatMap(([key]): [string, number][] => [
          [key, 1],
          [key, 2],
        ]),
    ].map(async f => {
      const error: unknown = await runStream([['x']], counted(f, 1)).catch((thrown: unknown) => thrown);
      expect(error).to.be.instanceOf(EngineError).with.property('code', 'typeMismatch');
      return (error as EngineError).message;
    });
    expect(await messages[0]).to.match(/updateStateByPartition wants .* gave one that it was not given yet: "i!"/);
    expect(await messages[1]).to.match(/updateStateByPartition wants .* gave it twice: "i"/);
  });
});
