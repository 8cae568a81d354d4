/**
 * Bytes to columns, and columns to rows, on one core: records a second of each decoder over regions of 256 KiB or more that lie
 * in a slot's memory, as a source's reader hands them over.
 *
 *   npx tsx benchmarks/kernels-scan.bench.ts [seconds per case]
 *
 * One JSON line a case: median and spread of its rounds. Answers are checked before anything is timed.
 */
import { deepStrictEqual } from 'node:assert/strict';
import { columnsFromRows } from '../lib/columnar/columns-from-rows.js';
import { makeDecoder } from '../lib/columnar/decoder.js';
import type { Decoder } from '../lib/columnar/decoder.js';
import { rowMaker } from '../lib/columnar/row-objects.js';
import { rowsOf } from '../lib/columnar/rows.js';
import { createSlotMemory, SlotMemory } from '../lib/columnar/slot-memory.js';
import { csv, ndjson, text } from '../lib/core/format.js';
import type { Format } from '../lib/core/format.js';
import { float64, int64, schema, timestamp, utf8 } from '../lib/core/schema.js';

const REGION_BYTES = 512 * 1024;
const NUM_REGIONS = 16;
const LIMIT_BYTES = 1 << 30;

const seconds = Number(process.argv[2] ?? 0.5);
const memory = new SlotMemory(0, createSlotMemory(LIMIT_BYTES), LIMIT_BYTES);

const user = (i: number): string => `user${10000 + ((i * 7919) % 90000)}`;
const ACTIONS = ['click', 'view', 'purchase', 'scroll'];
const uuid = (i: number): string =>
  `${String(i * 2654435761)
    .padStart(8, '0')
    .slice(-8)}-ab12-4cd3-9ef0-1234567890ab`;

function csvLine(i: number): string {
  return `${user(i)},${ACTIONS[i & 3]},${1700000000000 + i * 13}\n`;
}

function jsonLine(i: number): string {
  const event = { user: uuid(i), page: uuid(i + 1), ad: uuid(i + 2), kind: 'banner', action: ACTIONS[i & 3] };
  return `${JSON.stringify({ ...event, ts: 1700000000000 + i * 13, price: (i % 1000) / 8, ip: '10.1.2.3' })}\n`;
}

/** Fills regions with whole lines; returns their addresses and lengths. */
function regionsOf(line: (i: number) => string): { address: number; byteLength: number; numLines: number }[] {
  let i = 0;
  return Array.from({ length: NUM_REGIONS }, () => {
    let lines = '';
    const first = i;
    for (let next = line(i); 2 * (lines.length + next.length) <= REGION_BYTES; next = line(++i)) lines += next;
    const address = memory.alloc(REGION_BYTES);
    const bytes = Buffer.from(lines);
    memory.bytes(address, bytes.byteLength).set(bytes);
    return { address, byteLength: bytes.byteLength, numLines: i - first };
  });
}

function report(name: string, round: () => { records: number; bytes: number }): void {
  const rates: number[] = [];
  let records = 0;
  let bytes = 0;
  for (const warmEnd = performance.now() + 200; performance.now() < warmEnd;) round();
  for (const end = performance.now() + seconds * 1000; performance.now() < end || rates.length < 5;) {
    const start = performance.now();
    ({ records, bytes } = round());
    rates.push(records / (performance.now() - start) / 1000);
  }
  const sorted = rates.toSorted((a, b) => a - b);
  const at = (share: number): number => Number((sorted[Math.floor(share * (sorted.length - 1))] ?? 0).toFixed(1));
  const gbPerSec = Number(((at(0.5) * bytes) / records / 1000).toFixed(2));
  console.log(
    JSON.stringify({ name, mRecordsPerSec: at(0.5), low: at(0.1), high: at(0.9), gbPerSec, rounds: rates.length }),
  );
}

function decodeCase(
  name: string,
  format: Format,
  line: (i: number) => string,
  columns: readonly string[] | undefined,
  expected: (i: number) => unknown,
  withRows = false,
): void {
  const regions = regionsOf(line);
  const decoder: Decoder = makeDecoder(memory, format, columns, undefined);
  const round = (use: (rows: readonly unknown[]) => void): { records: number; bytes: number } => {
    let records = 0;
    let bytes = 0;
    for (const { address, byteLength } of regions) {
      const mark = memory.scratchMark();
      const { chunk, consumed, bad } = decoder.decode(address, byteLength, false);
      if (consumed !== byteLength || bad.length > 0) throw new Error(`${name}: not all was read: ${bad[0]?.reason}`);
      records += chunk.numRows;
      bytes += byteLength;
      if (withRows) use(rowsOf(chunk));
      memory.releaseScratch(mark);
    }
    return { records, bytes };
  };
  const [first] = regions;
  const mark = memory.scratchMark();
  const rows = rowsOf(decoder.decode(first.address, first.byteLength, true).chunk);
  memory.releaseScratch(mark);
  deepStrictEqual(
    rows,
    Array.from({ length: first.numLines }, (_, i) => expected(i)),
  );
  let kept = 0;
  report(name, () => round(made => void (kept += made.length)));
  for (const { address } of regions) memory.free(address);
}

const events = schema({ user: utf8(), action: utf8(), ts: int64() });
const csvRow = (i: number): unknown => ({ user: user(i), action: ACTIONS[i & 3] });
decodeCase('csv, 2 text columns of 3', csv(events), csvLine, ['user', 'action'], csvRow);
decodeCase(
  'csv, 3 columns, ISO time',
  csv(schema({ user: utf8(), at: timestamp(), price: float64() })),
  i => `${user(i)},${new Date(1700000000000 + i * 13).toISOString()},${(i % 1000) / 8}\n`,
  undefined,
  i => ({ user: user(i), at: 1700000000000 + i * 13, price: (i % 1000) / 8 }),
);
decodeCase(
  'csv, quoted text',
  csv(events),
  i => `"${user(i)}","${ACTIONS[i & 3]}",${1700000000000 + i * 13}\n`,
  ['user', 'action'],
  csvRow,
);
decodeCase('csv to {user, action} rows', csv(events), csvLine, ['user', 'action'], csvRow, true);

const jsonEvents = schema({ user: utf8(), action: utf8(), ts: int64() });
const jsonRow = (i: number): unknown => ({ user: uuid(i), action: ACTIONS[i & 3], ts: 1700000000000 + i * 13 });
decodeCase('ndjson, 220 bytes, 3 fields of 8', ndjson(jsonEvents), jsonLine, undefined, jsonRow);
decodeCase('ndjson to rows', ndjson(jsonEvents), jsonLine, undefined, jsonRow, true);

const textLine = (i: number): string => `${uuid(i)} ${uuid(i + 1)} the quick brown fox\n`;
decodeCase('text lines of 94 bytes', text(), textLine, undefined, i => textLine(i).slice(0, -1));
decodeCase(
  'text lines of 94 bytes, not ASCII',
  text(),
  i => textLine(i).replace('quick', 'qu\u00efck'),
  undefined,
  i => textLine(i).replace('quick', 'qu\u00efck').slice(0, -1),
);

{
  const rows = Array.from({ length: 8192 }, (_, i) => ({ user: user(i), action: ACTIONS[i & 3], ts: i }));
  report('rows to columns {user, action, ts}', () => {
    const mark = memory.scratchMark();
    const chunk = columnsFromRows(memory, events.columns, rows, 'bench');
    memory.releaseScratch(mark);
    return { records: chunk.numRows, bytes: chunk.numRows * 24 };
  });
}

{
  const numRows = 8192;
  const columns = [
    Array.from({ length: numRows }, (_, i) => user(i)),
    Array.from({ length: numRows }, (_, i) => ACTIONS[i & 3]),
  ];
  const made = (name: string, make: () => unknown[]): void =>
    report(name, () => ({ records: make().length, bytes: numRows * 14 }));
  const make = rowMaker(['user', 'action']);
  deepStrictEqual(make(1, columns), [{ user: user(0), action: ACTIONS[0] }]);
  made('row objects, names as variables', () => make(numRows, columns));
  made('row objects, names in the text', () => {
    const rows: unknown[] = [];
    for (let i = 0; i < numRows; i++) rows.push({ user: columns[0][i], action: columns[1][i] });
    return rows;
  });
}
