/**
 * A job with one of everything that a kill may tear: files, an HTTP receiver and a socket; keyed state by closures and by
 * columns, windows that add and that take away, a join with a table, bad records. Each output says enough of itself for
 * `kill-oracle.ts` to tell what is there twice, lost, or counted in another order.
 */
import {
  approxCountDistinct,
  arg,
  count,
  countDistinct,
  csv,
  int64,
  job,
  max,
  schema,
  StateSpec,
  sum,
  text,
  utf8,
  type State,
} from 'sluice';

const events = schema({ id: int64(), key: utf8(), n: int64() });
const cities = schema({ key: utf8(), city: utf8() });

const args = {
  dir: arg.path('.', 'folder that all is in: input/, cities.csv, and what is put out'),
  out: arg.path('out', 'folder for what is put out'),
  socket: arg.integer(0, 'port of a server that sends lines; 0: none'),
  interval: arg.duration('25ms', 'batch interval; windows are three of it'),
};

/** Each record of a key with its number, from 1. */
const numbered = StateSpec.function((key: string, item: string | undefined, seen: State<number>) => {
  const number = (seen.getOption() ?? 0) + 1;
  seen.update(number);
  return `${key} ${number} ${item}`;
});

export default job('kill-matrix', { args }, (ssc, { dir, out, socket, interval }) => {
  const input = ssc.fileStream(`${dir}/input`, csv(events), { id: 'files' });
  input.transform((rdd, time) => rdd.map(({ id, key, n }) => `${time} ${id} ${key} ${n}`)).saveAsText(`${out}/raw.txt`);
  input
    .map(({ id, key }) => [key, String(id)])
    .mapWithState(numbered.id('numbered'))
    .saveAsText(`${out}/numbered.txt`);
  const ones = input.map(({ key }) => [key, 1]);
  ones
    .updateStateByKey<number, string, number>((added, all) => added.length + (all ?? 0), { id: 'sums' })
    .transform(rdd => rdd.filter(([key]) => key === 'key0'))
    .saveAsText(`${out}/sums.txt`);
  ones
    .reduceByKeyAndWindow((a, b) => a + b, 3 * interval)
    .transform((rdd, time) => rdd.map(([key, n]) => `${time} ${key} ${n}`))
    .saveAsText(`${out}/windows.txt`);
  ones
    .reduceByKeyAndWindow(
      (a, b) => a + b,
      (a, b) => a - b,
      3 * interval,
      interval,
      { filter: ([, n]) => n > 0 },
    )
    .transform((rdd, time) => rdd.map(([key, n]) => `${time} ${key} ${n}`))
    .saveAsText(`${out}/inverse.txt`);
  input
    .join(ssc.staticTable(`${dir}/cities.csv`, csv(cities)), 'key')
    .groupBy('city')
    .runningAgg(
      { n: count(), total: sum('n'), highest: max('id'), keys: countDistinct('key'), about: approxCountDistinct('id') },
      { id: 'cities' },
    )
    .saveAsCsv(`${out}/cities.csv`);
  ssc
    .httpStream({ port: 0, format: text(), id: 'http' })
    .map(line => [String(line.split('-', 1)[0]), line])
    .mapWithState(numbered.id('senders'))
    .saveAsText(`${out}/http.txt`);
  if (socket > 0) ssc.socketTextStream('127.0.0.1', socket, { id: 'socket' }).saveAsText(`${out}/socket.txt`);
});
