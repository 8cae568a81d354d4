/** State that has no room in the memory of its slot: every kind of it gives what it gives with all in memory. */
import { expect } from 'chai';
import { int64, schema, utf8 } from '../../lib/core/schema.js';
import type { DStream } from '../../lib/api/dstream.js';
import { StateSpec, type State } from '../../lib/api/state-spec.js';
import type { Fault } from '../../lib/driver/in-process-runner.js';
import { collectList, count, countDistinct, sum } from '../../lib/expr/aggregate.js';
import { CRASH, runStream, type ExpectStreamOptions } from '../helpers/expect-stream.js';
import { ModelSpillFiles } from '../helpers/model-spill-file.js';
import { intBelow, randomOf } from '../helpers/random-values.js';

interface Touch {
  readonly key: string;
  readonly v: number;
}
const touches = schema({ key: utf8(), v: int64() });

type Build = (stream: DStream<Touch>) => DStream<unknown>;

const sumOf = (values: readonly number[], before = 0): number => values.reduce((a, b) => a + b, before);
const pairs = (stream: DStream<Touch>) => stream.map(({ key, v }): [string, number] => [key, v]);

const KINDS: readonly (readonly [name: string, build: Build])[] = [
  ['runningAgg', s => s.groupBy('key').runningAgg({ n: count(), total: sum('v') })],
  [
    'runningAgg of more than numbers',
    s => s.groupBy('key').runningAgg({ n: countDistinct('v'), all: collectList('v') }),
  ],
  [
    'mapWithState with a timeout',
    s =>
      pairs(s).mapWithState(
        StateSpec.function((key: string, v: number | undefined, state: State<number>) => {
          if (state.isTimingOut()) return [key, state.get(), 'gone'];
          const total = (state.getOption() ?? 0) + (v ?? 0);
          if (total % 7 === 3) {
            if (state.exists()) state.remove();
          } else state.update(total);
          return [key, total];
        }).timeout(4000),
      ),
  ],
  [
    'stateSnapshots',
    s =>
      pairs(s)
        .mapWithState(
          StateSpec.function((key: string, v: number | undefined, state: State<number>) => {
            state.update((state.getOption() ?? 0) + (v ?? 0));
            return key;
          }),
        )
        .stateSnapshots(),
  ],
  [
    'updateStateByKey',
    s =>
      pairs(s).updateStateByKey<number, string, number>((values, state) => {
        const total = sumOf(values, state);
        return total % 7 === 3 ? undefined : total;
      }),
  ],
  ['window', s => s.window(3000)],
  ['reduceByKeyAndWindow', s => pairs(s).reduceByKeyAndWindow((a, b) => a + b, 3000)],
  [
    'reduceByKeyAndWindow with an inverse',
    s =>
      pairs(s).reduceByKeyAndWindow(
        (a, b) => a + b,
        (a, b) => a - b,
        3000,
      ),
  ],
];

const NUM_KEYS = 1500;

/** Batches that touch random keys: many at first, then some. */
function touchesOf(seed: number): Touch[][] {
  const random = randomOf(seed);
  return Array.from({ length: 8 }, (_, batch) =>
    Array.from({ length: batch < 2 ? NUM_KEYS : 150 }, () => ({
      key: `a key of some length ${intBelow(random, NUM_KEYS)}`,
      v: 1 + intBelow(random, 9),
    })),
  );
}

const base = { schema: touches, options: { keyGroups: 16, checkpointInterval: 1 } };

interface Room {
  readonly name: string;
  readonly files: ModelSpillFiles;
  readonly options: ExpectStreamOptions;
}

function rooms(): readonly Room[] {
  const small = { memoryBytes: 256 * 1024, homeBytes: 12_000 };
  return [
    { stateMemory: small, maxStateBytes: '2MiB', stateSpill: 'off' },
    { maxStateBytes: '64KiB', stateSpill: 'disk' },
    { stateMemory: small, maxStateBytes: '100KiB', stateSpill: 'disk' },
  ].map(({ stateMemory, ...options }) => {
    const files = new ModelSpillFiles();
    return {
      name: `${options.stateSpill === 'disk' ? 'a file' : 'further memories'}${stateMemory && options.stateSpill === 'disk' ? ' and further memories' : ''}`,
      files,
      options: {
        ...base,
        options: { ...base.options, ...options },
        room: { ...(stateMemory === undefined ? {} : { stateMemory }), openSpill: files.open },
      },
    };
  });
}

const comparable = (batches: readonly (readonly unknown[])[]): string[][] =>
  batches.map(rows => rows.map(row => JSON.stringify(row)).toSorted());

describe('driver/state-rooms', () => {
  for (const [name, build] of KINDS) {
    it(`${name}: gives with most of its state put away what it gives with all in memory, after crashes too`, async () => {
      const input = touchesOf(1);
      const expected = comparable(await runStream(input, build, base));
      expect(expected.flat().length).to.be.above(1000);
      const crashes = input.flatMap((batch, i) => (i === 3 || i === 6 ? [CRASH, batch] : [batch])) as typeof input;
      for (const room of rooms()) {
        const found = await runStream(crashes, build, { ...room.options, workers: [2, 3] });
        expect(comparable(found), room.name).to.deep.equal(expected);
        if (room.name === 'a file') expect(room.files.writes, 'writes').to.be.above(3);
      }
    });
  }

  it('costs nothing but retries when threads are lost at any request', async () => {
    const input = touchesOf(2);
    const faults: readonly Fault[] = ['lose', 'runThenLose', 'answerThenLose'];
    for (const kind of [0, 2]) {
      const build = KINDS[kind]?.[1] as Build;
      const expected = comparable(await runStream(input, build, base));
      for (const [seed, room] of rooms().entries()) {
        const random = randomOf(seed);
        const found = await runStream(input, build, {
          ...room.options,
          options: { ...room.options.options, maxTaskFailures: 1000 },
          faults: () => (random() < 0.1 ? faults[intBelow(random, 3)] : undefined),
        });
        expect(comparable(found), `${room.name}, kind ${kind}`).to.deep.equal(expected);
      }
    }
  });
});
