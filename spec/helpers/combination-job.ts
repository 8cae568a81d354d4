/**
 * Jobs put together at random from what the engine can do, for specs that try combinations. A job reads batches of words;
 * what it puts out in a batch depends on the batches alone, so any two runs must agree on it.
 */
import type { BatchQueue } from '../../lib/api/batch-queue.js';
import type { Broadcast } from '../../lib/api/broadcast.js';
import type { DStream } from '../../lib/api/dstream.js';
import { job, type Job } from '../../lib/api/job.js';
import { StateSpec, type State } from '../../lib/api/state-spec.js';
import type { StreamingContext } from '../../lib/api/streaming-context.js';
import { int32, schema, utf8 } from '../../lib/core/schema.js';
import { approxCountDistinct, collectList, countDistinct, first, last } from '../../lib/expr/aggregate.js';
import { intBelow, shuffled, type Random } from './random-values.js';

/** What a run of a job left outside of its files. */
export interface Seen {
  /** By output and batch time: sorted rows, as JSON. The last call counts, as for whoever writes by batch time. */
  readonly rows: Map<string, string>;
  /** The same in the order in which they came. */
  readonly exact: Map<string, string>;
  /** By batch time: what the broadcast variable held. */
  readonly broadcast: Map<number, number>;
  /** What contradicted itself. */
  readonly problems: string[];
}

export interface CombinationWorld {
  readonly queue: BatchQueue<string>;
  readonly seen: Seen;
  /** The driver's own variable, once its job was built. */
  broadcast: Broadcast<number> | undefined;
  /** Batches that fail: in a task, or in the function of foreachRDD before or after its actions. */
  readonly failing: Map<number, 'task' | 'before' | 'between' | 'after'>;
}

export const newSeen = (): Seen => ({ rows: new Map(), exact: new Map(), broadcast: new Map(), problems: [] });

type Part = (words: DStream<string>, ssc: StreamingContext, world: CombinationWorld) => void;

const sortedJson = (rows: readonly unknown[]): string =>
  JSON.stringify(rows.map(row => JSON.stringify(row)).toSorted());

/** Notes the rows of each batch under a name. */
function note(stream: DStream<unknown>, name: string, { seen }: CombinationWorld): void {
  stream.foreachRDD(async (rdd, time) => {
    const rows = await rdd.collect();
    seen.rows.set(`${name} ${time}`, sortedJson(rows));
    seen.exact.set(`${name} ${time}`, JSON.stringify(rows));
  });
}

const counting = StateSpec.function((key: string, one: number | undefined, count: State<number>, time) => {
  if (one === undefined) return `${time} ${key} gone with ${count.get()}`;
  count.update((count.getOption() ?? 0) + one);
  return undefined;
});

const sizedWords = schema({ size: int32(), word: utf8() });

const pairsOf = (words: DStream<string>) => words.map(word => [word, 1]);

/** `ordered`: batches must be put out in the order of their times for the rows to be the same. */
export const PARTS: { readonly [name: string]: { readonly ordered: boolean; readonly add: Part } } = {
  file: {
    ordered: false,
    add: words => words.transform((rdd, time) => rdd.map(word => `${time} ${word}`)).saveAsText('/out/words.txt'),
  },
  folders: { ordered: false, add: words => words.map(word => `<${word}>`).saveAsTextFiles('/out/folders', 'txt') },
  csv: {
    ordered: false,
    add: words =>
      pairsOf(words)
        .reduceByKey((a, b) => a + b)
        .map(([word, n]) => ({ word, n }))
        .saveAsJson('/out/counts.ndjson'),
  },
  reduced: {
    ordered: false,
    add: (words, _, world) =>
      note(
        pairsOf(words).reduceByKey((a, b) => a + b, 3),
        'reduced',
        world,
      ),
  },
  groups: {
    ordered: false,
    add: (words, _, world) =>
      note(
        words
          .repartition(3)
          .map(word => [word.length, word])
          .groupByKey()
          .mapValues(all => all.toSorted().join()),
        'groups',
        world,
      ),
  },
  joined: {
    ordered: false,
    add: (words, _, world) => {
      const counts = pairsOf(words).reduceByKey((a, b) => a + b);
      note(counts.join(counts.filter(([, n]) => n > 1)), 'joined', world);
    },
  },
  sums: {
    ordered: true,
    add: (words, _, world) =>
      note(
        pairsOf(words).updateStateByKey<number, string, number>(
          (values, state) => values.reduce((a, b) => a + b, state ?? 0),
          { id: 'sums' },
        ),
        'sums',
        world,
      ),
  },
  kept: {
    ordered: true,
    add: (words, _, world) =>
      note(
        words
          .map(word => ({ size: word.length, word }))
          .toColumns(sizedWords)
          .groupBy('size')
          .runningAgg({
            first: first('word'),
            different: countDistinct('word'),
            last: last('word'),
            about: approxCountDistinct('word'),
            all: collectList('word'),
          }),
        'kept',
        world,
      ),
  },
  timeouts: {
    ordered: true,
    add: (words, _, world) => {
      const mapped = pairsOf(words).mapWithState(counting.timeout(2000).id('timeouts'));
      note(mapped, 'gone', world);
      note(mapped.stateSnapshots(), 'alive', world);
    },
  },
  windows: {
    ordered: true,
    add: (words, _, world) =>
      note(
        pairsOf(words).reduceByKeyAndWindow((a, b) => a + b, 3000, 2000),
        'windows',
        world,
      ),
  },
  inverse: {
    ordered: true,
    add: (words, _, world) =>
      note(
        pairsOf(words).reduceByKeyAndWindow(
          (a, b) => a + b,
          (a, b) => a - b,
          4000,
          1000,
          { filter: ([, n]) => n > 0 },
        ),
        'inverse',
        world,
      ),
  },
  rows: { ordered: true, add: (words, _, world) => note(words.window(2000).count(), 'rows', world) },
  broadcast: {
    ordered: false,
    add: (words, ssc, world) => {
      const broadcast = ssc.broadcast(0);
      world.broadcast ??= broadcast;
      const tagged = words
        .map(() => ['task', broadcast.value])
        .transform(rdd => {
          const inPlan = broadcast.value;
          return rdd.union(ssc.parallelize([['plan', inPlan]], 1));
        });
      tagged.foreachRDD(async (rdd, time) => {
        const values = await rdd.map(([, value]) => [value, broadcast.value]).collect();
        const all = new Set([broadcast.value, ...values.flat()]);
        if (all.size !== 1) world.seen.problems.push(`batch ${time} read ${[...all].join(' and ')}`);
        const before = world.seen.broadcast.get(time);
        if (before !== undefined && before !== broadcast.value)
          world.seen.problems.push(`batch ${time} read ${before}, and ${broadcast.value} when it ran again`);
        world.seen.broadcast.set(time, broadcast.value);
      });
    },
  },
  actions: {
    ordered: false,
    add: (words, _, world) => {
      words.foreachRDD(async (rdd, time) => {
        const failing = world.failing.get(time);
        if (failing === 'before') throw new Error('before its actions');
        const cached = rdd.map(word => word.toUpperCase()).cache();
        const [n, all] = await Promise.all([cached.count(), cached.map(word => `${word}!`).collect()]);
        if (failing === 'between') throw new Error('between its actions');
        const counts = await cached
          .map(word => [word, n])
          .reduceByKey((a, b) => a + b)
          .collect();
        await rdd.saveAsTextFile(`/out/action-${time}`);
        if (failing === 'after') throw new Error('after its actions');
        world.seen.rows.set(`actions ${time}`, sortedJson([n, ...all, ...counts]));
      });
    },
  },
  persisted: {
    ordered: false,
    add: (words, ssc, world) => {
      const kept = words.map(word => `kept ${word}`).persist();
      ssc.remember('3s');
      kept.foreachRDD(async (rdd, time) => {
        const here = kept.slice(time, time);
        const there = kept.slice(time - 2000, time);
        const sizes = await Promise.all(there.map(other => other.map(text => text.length).count()));
        if (sizes.length !== there.length) world.seen.problems.push(`slice of batch ${time}`);
        const rows = await rdd.collect();
        // Gone when the memory was full.
        const [same] = here;
        if (same !== undefined && sortedJson(await same.collect()) !== sortedJson(rows))
          world.seen.problems.push(`slice of batch ${time} has other rows than the batch`);
        world.seen.rows.set(`persisted ${time}`, sortedJson(rows));
      });
    },
  },
};

export interface CombinationJob {
  readonly parts: readonly string[];
  readonly make: (world: CombinationWorld) => Job;
}

/** Two to five parts in a random order. @param anyOrder only what does not depend on the order of batches */
export function randomJob(random: Random, anyOrder: boolean): CombinationJob {
  const names = Object.keys(PARTS).filter(name => !anyOrder || PARTS[name]?.ordered === false);
  return jobOf(shuffled(random, names).slice(0, 2 + intBelow(random, 4)));
}

export const jobOf = (parts: readonly string[]): CombinationJob => ({
  parts,
  make: world =>
    job('combination', {}, ssc => {
      const words = ssc.queueStream(world.queue).transform((rdd, time) => {
        const fails = world.failing.get(time) === 'task';
        return rdd.map(word => {
          if (fails) throw new Error('in a task');
          return word;
        });
      });
      for (const name of parts) PARTS[name]?.add(words, ssc, world);
    }),
});
