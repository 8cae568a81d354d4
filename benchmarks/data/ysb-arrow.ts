/** The events of `ysb.ts` once more, as Arrow: the same ones in the same order, a file for each of theirs. */
import { copyFileSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeData, RecordBatch, RecordBatchStreamWriter, Schema, Struct, Field } from 'apache-arrow';
import { TimestampMillisecond, Utf8, type Data } from 'apache-arrow';
import { dataSet } from './data-set.js';
import { ysbData, type YsbData } from './ysb.js';

type Event = Readonly<Record<'event_time' | (typeof TEXTS)[number], string>>;

const TEXTS = ['user_id', 'page_id', 'ad_id', 'ad_type', 'event_type', 'ip_address'] as const;
/** Rows of a record batch, 2 MB. */
const BATCH_EVENTS = 10_000;

/** In the folder: `input/part-0000.arrows` ..., streams of record batches; `ads.csv` and `expected.csv` as beside the lines of JSON. */
export async function ysbArrowData(events: number, seed = 1): Promise<YsbData> {
  const lines = await ysbData(events, seed);
  return dataSet(`ysb-arrow-v1-${events}-${seed}`, folder => {
    for (const file of ['ads.csv', 'expected.csv']) copyFileSync(join(lines.folder, file), join(folder, file));
    let bytes = 0;
    for (const file of readdirSync(join(lines.folder, 'input'))) {
      const stream = arrowStream(readFileSync(join(lines.folder, 'input', file), 'latin1'));
      writeFileSync(join(folder, 'input', file.replace('.json', '.arrows')), stream);
      bytes += stream.length;
    }
    return { records: events, bytes, views: lines.views };
  });
}

function arrowStream(text: string): Uint8Array {
  const events = text
    .trimEnd()
    .split('\n')
    .map(line => JSON.parse(line) as Event);
  const fields = [
    ...TEXTS.map(name => new Field(name, new Utf8(), false)),
    new Field('event_time', new TimestampMillisecond(), false),
  ];
  const [schema, type] = [new Schema(fields), new Struct(fields)];
  const batches = [];
  for (let from = 0; from < events.length; from += BATCH_EVENTS) {
    const part = events.slice(from, from + BATCH_EVENTS);
    const children = [...TEXTS.map(name => texts(part.map(event => event[name]))), instants(part)];
    batches.push(new RecordBatch(schema, makeData({ type, length: part.length, nullCount: 0, children })));
  }
  return RecordBatchStreamWriter.writeAll(batches).toUint8Array(true);
}

/** The generator's texts are ASCII. */
function texts(values: readonly string[]): Data<Utf8> {
  const valueOffsets = new Int32Array(values.length + 1);
  values.forEach((value, i) => (valueOffsets[i + 1] = (valueOffsets[i] ?? 0) + value.length));
  const data = new Uint8Array(Buffer.from(values.join(''), 'latin1'));
  return makeData({ type: new Utf8(), length: values.length, nullCount: 0, valueOffsets, data });
}

function instants(events: readonly Event[]): Data<TimestampMillisecond> {
  const data = BigInt64Array.from(events, ({ event_time: time }) => BigInt(time));
  return makeData({ type: new TimestampMillisecond(), length: events.length, nullCount: 0, data });
}
