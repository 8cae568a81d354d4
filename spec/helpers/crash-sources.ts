/**
 * The kinds of sources for specs that crash a run at any file operation. All give the same rows in the same batches, in
 * two sessions: pairs of a key and its number, which counts up by one for each key, so that whatever is lost, doubled or
 * out of order shows.
 */
import { mkdirSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as arrowLib from 'apache-arrow';
import * as parquetLib from 'parquet-wasm';
import { arrow, BatchQueue, csv, int64, ndjson, parquet, schema, utf8, type DStream } from '../../lib/index.js';
import type { StreamingContext } from '../../lib/api/streaming-context.js';
import type { Format } from '../../lib/core/format.js';
import { BlockLog } from '../../lib/sources/receiver/block-log.js';
import type { LogPosition } from '../../lib/sources/receiver/receiver-messages.js';
import { ReceiverSourceDriver } from '../../lib/sources/receiver/receiver-source-driver.js';
import { encodeValue } from '../../lib/core/value-codec.js';
import type { CrashWorld } from './crash-world.js';
import { HandReceiver } from './hand-receiver.js';

export interface Row {
  readonly k: string;
  readonly n: number;
}

export type Pairs = DStream<[string, number]>;

export const rowSchema = schema({ k: utf8(), n: int64() });

/** Batches of each session. Key `c` falls silent after the first, so that its state times out in the second. */
const SESSIONS: readonly (readonly string[])[] = [
  ['abc', 'abbc'],
  ['aab', 'bd'],
];
export const NUM_SESSIONS = SESSIONS.length;

export const BATCHES: readonly (readonly Row[])[] = numbered(SESSIONS.flat());

/** How many batches there are up to the end of a session. */
export const batchesUntil = (session: number): number =>
  SESSIONS.slice(0, session + 1).reduce((sum, batches) => sum + batches.length, 0);

function numbered(batches: readonly string[]): Row[][] {
  const last = new Map<string, number>();
  return batches.map(keys =>
    [...keys].map(k => {
      const n = (last.get(k) ?? 0) + 1;
      last.set(k, n);
      return { k, n };
    }),
  );
}

export interface CrashSource {
  readonly name: string;
  /** Makes what all worlds read and none changes. */
  readonly prepare?: (folder: string) => void;
  /** Brings what belongs to the world's session, as often as the session is begun. */
  readonly feed?: (world: CrashWorld) => Promise<void>;
  readonly stream: (ssc: StreamingContext, world: CrashWorld) => Pairs;
}

const pairOf = ({ k, n }: Row): [string, number] => [k, n];

/** A file for each batch, which a world sees when its session has come to it. */
function fileSource(
  name: string,
  format: Format<Row>,
  encode: (rows: readonly Row[]) => string | Uint8Array,
  newFilesOnly = false,
): CrashSource {
  return {
    name,
    prepare(folder) {
      mkdirSync(join(folder, name));
      const write = (index: number, rows: readonly Row[]): void => {
        const path = join(folder, name, `${index}.${name}`);
        writeFileSync(path, encode(rows));
        utimesSync(path, 1000 + index, 1000 + index);
      };
      BATCHES.forEach((rows, i) => write(i + 1, rows));
      if (newFilesOnly) write(0, [{ k: 'old', n: 1 }]);
    },
    stream: (ssc, world) =>
      ssc
        .fileStream(join(world.folder, name), format, {
          newFilesOnly,
          // What comes after the start comes when the stream has begun: its first batch is in the log then.
          filter: file =>
            Number.parseInt(file, 10) <= (newFilesOnly && !world.hasBegun ? 0 : batchesUntil(world.session)),
        })
        .map(pairOf),
  };
}

const lines = (rows: readonly Row[], line: (row: Row) => string, broken: string): string =>
  [...rows.slice(0, 1).map(line), ...(broken === '' ? [] : [broken]), ...rows.slice(1).map(line), ''].join('\n');

function arrowTable(rows: readonly Row[]): arrowLib.Table {
  return new arrowLib.Table({
    k: arrowLib.vectorFromArray(
      rows.map(({ k }) => k),
      new arrowLib.Utf8(),
    ),
    n: arrowLib.vectorFromArray(
      rows.map(({ n }) => BigInt(n)),
      new arrowLib.Int64(),
    ),
  });
}

/** The batch that a queue gives is that of the batch time that is planned, whatever was planned before a crash. */
class TimedQueue extends BatchQueue<Row> {
  readonly #world: CrashWorld;
  #next = 0;

  constructor(world: CrashWorld) {
    super();
    this.#world = world;
  }

  override shift(): readonly Row[] | undefined {
    const index = this.#world.numPlanned;
    if (index >= batchesUntil(this.#world.session)) return undefined;
    this.#next = index + 1;
    return BATCHES[index];
  }

  override get length(): number {
    return Math.max(0, batchesUntil(this.#world.session) - Math.max(this.#next, this.#world.numPlanned));
  }
}

/** Stores a block a batch, as the thread of a receiver does, and knows by the log which of them it need not send again. */
async function storeBlocks({ fs, session }: CrashWorld): Promise<void> {
  // As the driver does, which opens the checkpoint before its receivers begin.
  if (fs.numOperations === 0 || !fs.has('/checkpoint')) {
    await fs.mkdir('/checkpoint');
    await fs.syncDirectory('/');
  }
  const options = { sourceId: 'hand', folder: '/checkpoint/receivers/hand', fs, durable: true, warn: () => undefined };
  const driver = new ReceiverSourceDriver(options);
  await driver.start(undefined);
  let position: LogPosition | undefined;
  driver.launch(command => {
    if (command.kind === 'start') position = command.log;
  });
  if (position === undefined) throw new Error('the driver did not start its receiver');
  const log = new BlockLog(fs, position);
  for (let block = position.firstBlock; block < batchesUntil(session); block++) {
    const records = (BATCHES[block] ?? []).map(row => encodeValue(row));
    await log.append([{ records, byteLength: records.reduce((sum, record) => sum + record.byteLength, 0) }]);
  }
  await log.close();
}

export const CRASH_SOURCES: readonly CrashSource[] = [
  fileSource('csv', csv(rowSchema), rows => `k,n\n${lines(rows, ({ k, n }) => `${k},${n}`, 'broken')}`),
  fileSource('ndjson', ndjson(rowSchema), rows => lines(rows, row => JSON.stringify(row), '{"k":')),
  fileSource('arrow', arrow(rowSchema), rows => arrowLib.tableToIPC(arrowTable(rows), 'file')),
  fileSource('parquet', parquet(rowSchema), rows =>
    parquetLib.writeParquet(parquetLib.Table.fromIPCStream(arrowLib.tableToIPC(arrowTable(rows), 'stream'))),
  ),
  fileSource('newcsv', csv(rowSchema), rows => `k,n\n${lines(rows, ({ k, n }) => `${k},${n}`, '')}`, true),
  {
    name: 'text',
    prepare(folder) {
      mkdirSync(join(folder, 'text'));
      BATCHES.forEach((rows, i) => {
        const path = join(folder, 'text', `${i + 1}.txt`);
        writeFileSync(
          path,
          lines(rows, ({ k, n }) => `${k} ${n}`, ''),
        );
        utimesSync(path, 1000 + i, 1000 + i);
      });
    },
    stream: (ssc, world) =>
      ssc
        .textFileStream(join(world.folder, 'text'), {
          filter: file => Number.parseInt(file, 10) <= batchesUntil(world.session),
        })
        .map((line): [string, number] => [line.slice(0, 1), Number(line.slice(2))]),
  },
  { name: 'queue', stream: (ssc, world) => ssc.queueStream(new TimedQueue(world)).map(pairOf) },
  {
    // Rows by number: key and count follow from the row's own instant.
    name: 'rate',
    stream: ssc =>
      ssc.rateStream({ rowsPerSecond: 1000, total: 12 }).map(({ timestamp }): [string, number] => {
        const row = timestamp - 1_000_000;
        return ['abc'.charAt(row % 3), Math.floor(row / 3) + 1];
      }),
  },
  {
    name: 'receiver',
    feed: storeBlocks,
    stream: ssc => ssc.receiverStream<Row>(() => new HandReceiver() as never, { id: 'hand' }).map(pairOf),
  },
];
