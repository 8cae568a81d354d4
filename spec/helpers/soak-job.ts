/** A job for `soak.ts`, whose records may have a worker exit, throw or be slow, each once: marks in a folder say what was done. */
import { existsSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { arg, count, countDistinct, csv, int64, job, schema, StateSpec, sum, text, utf8, type State } from 'sluice';

const events = schema({ id: int64(), key: utf8(), n: int64() });

const args = {
  dir: arg.path('.', 'folder that all is in: input/, marks/, and what is put out'),
  interval: arg.duration('50ms', 'batch interval; windows are three of it'),
};

const counted = StateSpec.function((_: string, item: string | undefined, seen: State<number>) => {
  if (item === undefined) return undefined;
  seen.update((seen.getOption() ?? 0) + 1);
  return seen.get() % 1000 === 0 ? seen.get() : undefined;
});

/** Does what the key says, the first time that anybody comes by. */
function misbehave(marks: string, key: string): void {
  if (!/^(exit|throw|spin)-\d+$/.test(key)) return;
  const mark = `${marks}/${key}`;
  if (existsSync(mark)) return;
  writeFileSync(mark, '');
  if (key.startsWith('exit')) process.exit(3);
  if (key.startsWith('throw')) throw new Error(`${key}: as it was told`);
  for (const end = Date.now() + 300; Date.now() < end;);
}

export default job('soak', { args }, (ssc, { dir, interval }) => {
  const marks = `${dir}/marks`;
  const input = ssc.fileStream(`${dir}/input`, csv(events), { id: 'files' }).map(row => {
    misbehave(marks, row.key);
    return row;
  });
  const keyed = input.map(({ key, n }) => [key.includes('-') ? 'told' : key, n]);
  keyed
    .map(([key]) => [key, 'x'])
    .mapWithState(counted.timeout('5s').id('counted'))
    .saveAsText(`${dir}/counted.txt`);
  keyed
    .reduceByKeyAndWindow((a, b) => a + b, 3 * interval)
    .foreachRDD(async rdd => {
      // A sink that is slow now and then: the source must wait for it.
      if ((await rdd.count()) % 50 === 7) await sleep(200);
    });
  ssc
    .fileStream(`${dir}/input`, csv(events), { id: 'columns' })
    .groupBy('key')
    .agg({ n: count(), total: sum('n'), ids: countDistinct('id') })
    .saveAsCsv(`${dir}/groups`);
  ssc
    .httpStream({ port: 0, format: text(), id: 'http' })
    .map(line => [line.slice(0, 7), line])
    .mapWithState(counted.timeout('5s').id('senders'))
    .saveAsText(`${dir}/senders.txt`);
});
