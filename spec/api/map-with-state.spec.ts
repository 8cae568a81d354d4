import { expect } from 'chai';
import { VirtualClock } from '../../lib/core/clock.js';
import { EngineError } from '../../lib/core/errors.js';
import { BatchQueue } from '../../lib/api/batch-queue.js';
import type { DStream } from '../../lib/api/dstream.js';
import { buildGraph, job } from '../../lib/api/job.js';
import { StateSpec, type State } from '../../lib/api/state-spec.js';
import type { Fault } from '../../lib/driver/in-process-runner.js';
import { explain } from '../../lib/plan/explain.js';
import { compileStages, type CompiledPlan } from '../../lib/plan/stages.js';
import type { WorkerRequest } from '../../lib/protocol/messages.js';
import { CRASH, expectStream, runStream, type ExpectStreamOptions } from '../helpers/expect-stream.js';
import { ModelFileSystem } from '../helpers/model-file-system.js';
import { runEngine } from '../helpers/run-engine.js';
import { randomOf } from '../helpers/random-values.js';

type Batches = (readonly string[] | null | typeof CRASH)[];
type Build = (s: DStream<string>) => DStream<unknown>;

/** Counts the records of a key; says so for each, and once more when the key times out. */
const counting = StateSpec.function((key: string, one: number | undefined, count: State<number>, time) => {
  if (one === undefined) return `${time}: ${key} gone with ${count.get()}`;
  count.update((count.getOption() ?? 0) + one);
  return `${time}: ${key} ${count.get()}`;
});

const counted =
  (spec = counting) =>
  (s: DStream<string>) =>
    s.map(x => [x, 1]).mapWithState(spec);

const crashed = (input: Batches): Batches => input.flatMap(batch => [batch, CRASH]);
const EVERY: ExpectStreamOptions = { options: { checkpointInterval: 1000 } };
const NEVER: ExpectStreamOptions = { options: { checkpointInterval: 1_000_000 } };

const planOf = (build: Build): CompiledPlan =>
  compileStages(
    buildGraph(
      job('spec', {}, ssc => build(ssc.queueStream(new BatchQueue<string>())).print()),
      {},
      2,
    ).plan,
  );

describe('mapWithState', () => {
  it('calls its function for each record, which sees what the records of its key before it did', () =>
    expectStream([['a', 'b', 'a'], [], null, ['a']], counted(), [
      ['1000: a 1', '1000: a 2', '1000: b 1'],
      [],
      [],
      ['4000: a 3'],
    ]));

  it('keeps a state until it is updated or removed, and gives no row for undefined', () =>
    expectStream<string, string>(
      [['a+', 'a?', 'a-', 'a?'], ['a?', 'a+', 'a+'], CRASH, ['a?', 'a-', 'a+'], ['a?', 'a-'], CRASH, ['a?']],
      s =>
        s
          .map(text => [text.slice(0, 1), text.slice(1)])
          .mapWithState(
            StateSpec.function((_key: string, order: string | undefined, state: State<{ n: number } | null>) => {
              if (order === '+') return state.update({ n: (state.getOption()?.n ?? 0) + 1 });
              if (order === '-') return state.remove();
              return JSON.stringify(state.getOption() ?? 'none');
            }),
          )
          .map(String),
      [['{"n":1}', '"none"'], ['"none"'], ['{"n":2}'], ['{"n":1}'], ['"none"']],
    ));

  it('takes any key and any state', () =>
    expectStream<string, unknown>(
      [['a'], CRASH, ['a', 'b']],
      s =>
        s
          .map((x): [{ id: string }, string] => [{ id: x }, x])
          .mapWithState(
            StateSpec.function((key: { id: string }, x: string | undefined, seen: State<Map<string, Date>>, time) => {
              const next = new Map(seen.getOption()).set(`${x}${time}`, new Date(time));
              seen.update(next);
              return [key, next];
            }),
          ),
      [
        [[{ id: 'a' }, new Map([['a1000', new Date(1000)]])]],
        [
          [
            { id: 'a' },
            new Map([
              ['a1000', new Date(1000)],
              ['a2000', new Date(2000)],
            ]),
          ],
          [{ id: 'b' }, new Map([['b2000', new Date(2000)]])],
        ],
      ],
    ));

  it('runs where a window before it slides', () =>
    expectStream(
      [['a'], ['a', 'b'], CRASH, ['a'], [], [], []],
      s => counted(counting.timeout(3000))(s.window(2000, 2000)),
      [['2000: a 1', '2000: a 2', '2000: b 1'], ['4000: a 3'], ['6000: b gone with 1']],
    ));

  it('refuses what the function may not do, and names the key and the operation', async () => {
    const spec = StateSpec.function((_: string, _one: number | undefined, state: State<number>) => state.get());
    const error = await runStream([['a']], s =>
      counted()(s).union(
        s
          .map(x => [x, 1])
          .mapWithState(spec)
          .map(String),
      ),
    ).then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    expect(error).to.be.instanceOf(EngineError).with.property('code', 'batchFailed');
    expect((error as EngineError).message).to.match(
      /failed in mapWithState at .*map-with-state\.spec\.ts:\d+ .*state\.get wants a state of key "a", but there is none/,
    );
  });
});

describe('mapWithState with an initial state', () => {
  const spec = counting.initialState([
    ['a', 5],
    ['b', 2],
  ]);

  it('begins with it once, whether a crash comes before or after the first snapshot, on any number of partitions', async () => {
    const input = crashed([['a'], ['a', 'c'], ['b']]);
    const expected = [['1000: a 6'], ['2000: a 7', '2000: c 1'], ['3000: b 3']];
    for (const options of [EVERY, NEVER]) await expectStream(input, counted(spec), expected, options);
    for (const n of [1, 5]) await expectStream(input, counted(spec.numPartitions(n)), expected, NEVER);
  });

  it('counts its timeout from the first batch', async () => {
    const expected = [
      ['1000: c 1'],
      ['2000: a 6'],
      [],
      ['4000: b gone with 2', '4000: c gone with 1'],
      ['5000: a gone with 6'],
    ];
    for (const input of [[['c'], ['a'], [], [], []], crashed([['c'], ['a'], [], [], []])]) {
      await expectStream(input, counted(spec.timeout('2s')), expected, NEVER);
      await expectStream(input, counted(spec.timeout('2s')), expected, EVERY);
    }
  });

  it('has another plan with another one, so that a worker that differs is found out', () => {
    const planWith = (n: number): string =>
      JSON.stringify(planOf(counted(counting.initialState([['a', n]]))).stages[1]?.leaf.operation);
    expect(planWith(1)).to.equal(planWith(1));
    expect(planWith(1)).not.to.equal(planWith(2));
  });

  it('refuses two entries for one key', () => {
    const twice = counting.initialState([
      ['a', 1],
      ['a', 2],
    ]);
    expect(() => planOf(counted(twice))).to.throw(EngineError, /mapWithState has two entries for key "a"/);
  });
});

describe('mapWithState with a timeout', () => {
  const timing = counting.timeout('2s');
  const input: Batches = [['a', 'b'], ['a'], ['c'], null, ['d', 'c'], [], [], ['a'], []];
  const expected = [
    ['1000: a 1', '1000: b 1'],
    ['2000: a 2'],
    ['3000: c 1'],
    ['4000: b gone with 1'],
    ['5000: a gone with 2', '5000: c 2', '5000: d 1'],
    [],
    [],
    ['8000: a 1', '8000: c gone with 2', '8000: d gone with 1'],
    [],
  ];

  it('forgets a key in the first batch that is later than its last record by more than it', () =>
    expectStream(input, counted(timing), expected));

  it('does the same with a crash after each batch, however often there is a snapshot', async () => {
    await expectStream(crashed(input), counted(timing), expected, NEVER);
    await expectStream(crashed(input), counted(timing), expected, EVERY);
  });

  it('does the same when each start has another number of workers', () =>
    expectStream(crashed(input), counted(timing), expected, { ...EVERY, workers: [1, 3, 2, 5] }));

  it('does the same when a worker is lost at any request', async () => {
    const options = { smallBatchRecords: 0 };
    for (const fault of ['lose', 'runThenLose', 'answerThenLose'] as const) {
      let requests = 0;
      for (let victim = 0; victim === 0 || victim < requests; victim++) {
        requests = 0;
        const faults = (): Fault | undefined => (requests++ === victim ? fault : undefined);
        await expectStream(input.slice(0, 5), counted(timing), expected.slice(0, 5), { faults, options, workers: [1] });
      }
      expect(requests, 'requests').to.be.greaterThan(12);
    }
  });

  it('does the same when the driver crashes and workers are lost by chance', async () => {
    for (let seed = 1; seed <= 6; seed++) {
      const random = randomOf(seed);
      const faults = (_slot: number, request: WorkerRequest): Fault | undefined =>
        random() < 0.3 && request.kind !== 'attach' ? 'runThenLose' : undefined;
      const crashes = input.flatMap((batch): Batches => (random() < 0.5 ? [CRASH, batch] : [batch]));
      await expectStream(crashes, counted(timing), expected, {
        faults,
        options: { maxTaskFailures: 100 },
        workers: [2, 1],
      });
    }
  });

  it('is refreshed by any record, updated or not', () =>
    expectStream(
      [['a'], ['a'], ['a'], ['a'], [], [], []],
      s =>
        s
          .map((x): [string, number] => [x, 1])
          .mapWithState(
            StateSpec.function((key: string, one: number | undefined, state: State<string>, time) => {
              if (one === undefined) return `${time}: ${key} gone, set at ${state.get()}`;
              if (!state.exists()) state.update(`${time}`);
              return undefined;
            }).timeout('2s'),
          ),
      [[], [], [], [], [], [], ['7000: a gone, set at 1000']],
    ));

  it('lets go of what was removed or came again in the batch in which it is due', () =>
    expectStream(
      [['a', 'b', 'c'], [], ['b'], ['a', '-c'], [], [], [], []],
      s =>
        s
          .map((x): [string, string] => [x.replace('-', ''), x])
          .mapWithState(
            StateSpec.function((key: string, x: string | undefined, state: State<number>, time) => {
              if (x === undefined) return `${time}: ${key} gone`;
              if (x.startsWith('-')) return state.remove();
              return state.update(time);
            }).timeout('2s'),
          )
          .map(String),
      [[], [], [], [], [], ['6000: b gone'], ['7000: a gone'], []],
    ));

  it('gives each timed-out key once of many, and calls for no other', async () => {
    const keys = Array.from({ length: 3000 }, (_, i) => `k${i}`);
    const late = keys.filter((_, i) => i % 300 === 7);
    const rest = keys.filter((_, i) => i % 300 !== 7);
    const gone = counted(timing);
    const output = await runStream([late, rest, [], [], []], s => gone(s).filter(row => row.includes('gone')));
    expect(output.map(rows => rows.length)).to.deep.equal([0, 0, 0, late.length, rest.length]);
  });
});

describe('mapWithState over restarts', () => {
  /** Runs a batch of each of some jobs, one after another on one checkpoint, `time` being when. */
  async function restart(
    runs: readonly { time: number; rows: string[]; build: Build; slots?: number }[],
  ): Promise<unknown[][]> {
    const clock = new VirtualClock(0);
    const fs = new ModelFileSystem();
    const outputs: unknown[][] = [];
    for (const { time, rows, build, slots } of runs) {
      const output: unknown[] = [];
      const made = job('spec', {}, ssc => {
        build(ssc.queueStream(new BatchQueue<string>().push(rows))).foreachRDD(async rdd => {
          output.push(...(await rdd.collect()));
        });
      });
      clock.advanceTo(time);
      const run = await runEngine(made, { clock, fs, checkpoint: '/checkpoint', options: { workers: slots ?? 2 } });
      await run.batchesDone(1);
      await run.engine.stop();
      await run.engine.done;
      outputs.push(output.toSorted());
    }
    return outputs;
  }
  const timing = counting.timeout('10s').id('counts');

  it('times out, in the first batch after a long stop, whatever was due meanwhile', async () => {
    expect(
      await restart([
        { time: 1000, rows: ['a', 'b'], build: counted(timing) },
        { time: 11_000, rows: ['b'], build: counted(timing), slots: 3 },
        { time: 21_000, rows: ['c'], build: counted(timing), slots: 1 },
        { time: 3_600_000, rows: ['c'], build: counted(timing), slots: 4 },
      ]),
    ).to.deep.equal([
      ['1000: a 1', '1000: b 1'],
      ['11000: b 2'],
      ['21000: a gone with 1', '21000: c 1'],
      ['3600000: b gone with 2', '3600000: c 2'],
    ]);
  });

  it('goes on with its states when the timeout is another one, or is new, or gone', async () => {
    const never = counting.id('counts');
    expect(
      await restart([
        { time: 1000, rows: ['a', 'b'], build: counted(never) },
        { time: 2000, rows: ['b'], build: counted(never) },
        { time: 12_000, rows: [], build: counted(timing) },
        { time: 13_000, rows: [], build: counted(never) },
        { time: 15_000, rows: ['c'], build: counted(never) },
        { time: 16_000, rows: [], build: counted(timing.timeout('1s')) },
      ]),
    ).to.deep.equal([
      ['1000: a 1', '1000: b 1'],
      ['2000: b 2'],
      ['12000: a gone with 1'],
      [],
      ['15000: c 1'],
      ['16000: b gone with 2'],
    ]);
  });

  it('refuses the state of an operator of another kind', async () => {
    const update: Build = s =>
      s.map((x): [string, number] => [x, 1]).updateStateByKey<number>(() => 1, { id: 'counts' });
    const error = await restart([
      { time: 1000, rows: ['a'], build: update },
      { time: 2000, rows: ['a'], build: counted(timing) },
    ]).catch((thrown: unknown) => thrown);
    expect(error).to.be.instanceOf(EngineError).with.property('code', 'checkpointForeign');
  });
});

describe('stateSnapshots', () => {
  const input: Batches = [['a', 'b'], ['a'], null, [], ['c']];
  const snapshots = [
    [
      ['a', 1],
      ['b', 1],
    ],
    [
      ['a', 2],
      ['b', 1],
    ],
    [
      ['a', 2],
      ['b', 1],
    ],
    [['a', 2]],
    [['c', 1]],
  ];
  const timing = counting.timeout('2s');

  it('gives all states after each batch, those of keys without records too', async () => {
    await expectStream(input, s => counted(timing)(s).stateSnapshots(), snapshots);
    await expectStream(crashed(input), s => counted(timing)(s).stateSnapshots(), snapshots, { workers: [1, 3] });
  });

  it('gives the initial states from the first batch on', () =>
    expectStream([[], ['x']], s => counted(counting.initialState([['x', 1]]))(s).stateSnapshots(), [
      [['x', 1]],
      [['x', 2]],
    ]));

  it('goes beside the mapped rows, and can be used like any other stream', () =>
    expectStream(
      input,
      s => {
        const mapped = counted(timing)(s);
        return mapped
          .map(row => row.slice(6))
          .union(
            mapped
              .stateSnapshots()
              .count()
              .map(n => `${n} keys`),
          );
      },
      [
        ['2 keys', 'a 1', 'b 1'],
        ['2 keys', 'a 2'],
        ['2 keys'],
        ['1 keys', 'b gone with 1'],
        ['1 keys', 'a gone with 2', 'c 1'],
      ],
    ));

  it('is one stream, however often it is asked for', () => {
    const plan = planOf(s => {
      const mapped = counted()(s);
      return mapped.stateSnapshots().union(mapped.stateSnapshots());
    });
    expect(plan.plan.nodes.filter(node => node.operation.kind === 'stateSnapshots')).to.have.length(1);
  });

  it('shows what the table will have, not what the function did to a state without update', () =>
    expectStream<string, unknown>(
      [['a'], ['a']],
      s =>
        s
          .map((x): [string, string] => [x, x])
          .mapWithState(
            StateSpec.function((_: string, x: string | undefined, state: State<string[]>) => {
              if (state.exists()) state.get().push(`${x}`);
              else state.update([]);
              return undefined;
            }),
          )
          .stateSnapshots(),
      [[['a', []]], [['a', []]]],
    ));
});

describe('the plan of mapWithState', () => {
  it('has the operator, its timeout, and the stream of its states in one stage', () => {
    const text = explain(planOf(s => counted(counting.timeout('2s').id('m').numPartitions(3))(s).stateSnapshots()));
    expect(text.slice(text.indexOf('stage 1'))).to.equal(
      [
        'stage 1 (3 partitions, after stage 0)',
        "  node 2: mapWithState 'm', timeout 2000 ms <- shuffle shuffle",
        '  node 3: stateSnapshots <- 2',
        '  node 3 => output print',
      ].join('\n'),
    );
  });

  it('computes a partition without records only for timeouts and snapshots', () => {
    const runsEmpty = (build: Build): boolean | undefined => planOf(build).stages[1]?.runsEmpty;
    expect(runsEmpty(counted())).to.equal(false);
    expect(runsEmpty(counted(counting.timeout(1)))).to.equal(true);
    expect(runsEmpty(s => counted()(s).stateSnapshots())).to.equal(true);
  });

  it('refuses a timeout that is none, a name that is taken, and partitions that are no number', () => {
    expect(() => counting.timeout('soon')).to.throw(
      EngineError,
      /timeout of mapWithState wants a duration .* got 'soon'/,
    );
    expect(() => counting.timeout(0)).to.throw(EngineError, /wants to be above 0, got '0'/);
    const taken: Build = s => counted(counting.id('m'))(s).union(counted(counting.id('m'))(s));
    expect(() => planOf(taken)).to.throw(EngineError, /mapWithState wants an id that is not empty and used once/);
    expect(() => planOf(counted(counting.numPartitions(0)))).to.throw(EngineError, /numPartitions wants an integer/);
  });
});
