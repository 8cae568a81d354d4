/**
 * The job of a scenario: its sources as one stream of records, a tap that tells what each batch read, numbers that count
 * the records of each word, and the scenario's parts of combination-job.ts.
 */
import { BatchQueue } from '../../lib/api/batch-queue.js';
import type { DStream } from '../../lib/api/dstream.js';
import { job, type Job } from '../../lib/api/job.js';
import { StateSpec, type State } from '../../lib/api/state-spec.js';
import type { StreamingContext } from '../../lib/api/streaming-context.js';
import { Receiver } from '../../lib/sources/receiver/receiver.js';
import { PARTS, type CombinationWorld } from '../helpers/combination-job.js';
import { idOf, wordOf, type Observed } from './observed.js';
import { ROWS_PER_SECOND, WORDS, type FailingStep, type Scenario, type SourceKind } from './scenario.js';

export const INPUT = '/in';
/** Lines `word number id`: the n-th record of that word is the one with this id. */
export const NUMBERS = '/out/numbers.txt';
/** Far beyond a run: a line that is written in two pieces is never taken as it is in between. */
const SETTLE_MS = 3_600_000;

/** A receiver that the scenario's sender hands records to. */
export class SentReceiver extends Receiver<string> {
  onStart(): void {}
  onStop(): void {}
}

/** What the job's functions reach outside of it, the same for all starts of one scenario. */
export interface SimWorld extends CombinationWorld {
  readonly observed: Observed;
  receiver: SentReceiver | undefined;
}

export const newWorld = (observed: Observed, failing: Map<number, FailingStep>): SimWorld => ({
  queue: new BatchQueue<string>(),
  seen: observed.seen,
  broadcast: undefined,
  failing,
  observed,
  receiver: undefined,
});

/** @param sources undefined for the batches of the world's queue alone */
export function simJob(
  { parts, rateTotal }: Scenario,
  sources: readonly SourceKind[] | undefined,
  world: SimWorld,
): Job {
  return job('simulation', {}, ssc => {
    const records = ssc.union((sources ?? ['queue']).map(kind => streamOf(ssc, kind, rateTotal, world)));
    records.foreachRDD(async (rdd, time) => world.observed.tap(time, await rdd.collect()));
    const failable = records.transform((rdd, time) => {
      const fails = world.failing.get(time) === 'task';
      return rdd.map(record => {
        if (fails) throw new Error('in a task');
        return record;
      });
    });
    failable
      .map(record => [wordOf(record), idOf(record)])
      .mapWithState(numbering.id('numbers'))
      .saveAsText(NUMBERS);
    const words = failable.map(wordOf);
    for (const name of parts) PARTS[name]?.add(words, ssc, world);
  });
}

const numbering = StateSpec.function((word: string, id: string | undefined, last: State<number>) => {
  const number = (last.getOption() ?? 0) + 1;
  last.update(number);
  return `${word.replace(' ', '_')} ${number} ${id}`;
});

function streamOf(ssc: StreamingContext, kind: SourceKind, rateTotal: number, world: SimWorld): DStream<string> {
  switch (kind) {
    case 'file':
      return ssc.textFileStream(INPUT, { settleMs: SETTLE_MS });
    case 'rate':
      return ssc
        .rateStream({ rowsPerSecond: ROWS_PER_SECOND, total: rateTotal })
        .map(({ value, timestamp }) => `t${Number(timestamp)}|${WORDS[Number(value) % WORDS.length]}`);
    case 'receiver':
      return ssc.receiverStream(() => (world.receiver = new SentReceiver()));
    case 'queue':
      return ssc.queueStream(world.queue);
  }
}
