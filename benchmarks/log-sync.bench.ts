/**
 * How an appended record becomes durable soonest on this disk: the ways a write-ahead log could write, each in turn
 * within every round, so that a busy machine slows all of them alike. One JSON line per way and record size, with the
 * median and the 90th percentile in milliseconds. Reads the bytes back and compares them before it reports.
 *
 *   npx tsx benchmarks/log-sync.bench.ts [directory]
 */
import * as fs from 'node:fs';
import { join, resolve } from 'node:path';

const ROUNDS = 300;
const PREALLOCATED_BYTES = 4 * 1024 * 1024;
const { O_RDWR, O_DSYNC } = fs.constants;

interface Way {
  readonly name: string;
  readonly flags: number;
  readonly preallocated: boolean;
  readonly sync: boolean;
  /** The log's fencing check: the lock file is looked up after the write, beside the fdatasync where there is one. */
  readonly check: boolean;
}

const WAYS: readonly Way[] = [
  { name: 'grow, write + fdatasync', flags: O_RDWR, preallocated: false, sync: true, check: false },
  { name: 'grow, O_DSYNC write', flags: O_RDWR | O_DSYNC, preallocated: false, sync: false, check: false },
  { name: 'preallocated, write + fdatasync', flags: O_RDWR, preallocated: true, sync: true, check: false },
  { name: 'preallocated, O_DSYNC write', flags: O_RDWR | O_DSYNC, preallocated: true, sync: false, check: false },
  { name: 'preallocated, write + fdatasync beside stat', flags: O_RDWR, preallocated: true, sync: true, check: true },
  {
    name: 'preallocated, O_DSYNC write, then stat',
    flags: O_RDWR | O_DSYNC,
    preallocated: true,
    sync: false,
    check: true,
  },
];

const write = (fd: number, bytes: Uint8Array, position: number): Promise<void> =>
  new Promise((done, fail) => fs.write(fd, bytes, 0, bytes.length, position, error => (error ? fail(error) : done())));
const fdatasync = (fd: number): Promise<void> =>
  new Promise((done, fail) => fs.fdatasync(fd, error => (error ? fail(error) : done())));
const stat = (path: string): Promise<void> =>
  new Promise((done, fail) => fs.stat(path, error => (error ? fail(error) : done())));

function openFile(path: string, way: Way): number {
  const numBytes = way.preallocated ? PREALLOCATED_BYTES : 0;
  fs.writeFileSync(path, new Uint8Array(numBytes));
  const fd = fs.openSync(path, way.flags);
  fs.fsyncSync(fd);
  return fd;
}

const percentile = (sorted: readonly number[], share: number): number =>
  Number((sorted[Math.floor((sorted.length - 1) * share)] ?? 0).toFixed(3));

async function measure(directory: string, recordBytes: number): Promise<void> {
  const files = WAYS.map((way, i) => ({
    way,
    path: join(directory, `log-sync-${process.pid}-${i}`),
    times: [] as number[],
  }));
  const open = files.map(file => ({ ...file, fd: openFile(file.path, file.way) }));
  for (let round = 0; round < ROUNDS; round++) {
    const record = new Uint8Array(recordBytes).fill(round + 1);
    for (const { way, fd, path, times } of open) {
      const start = performance.now();
      await write(fd, record, round * recordBytes);
      await Promise.all([way.sync ? fdatasync(fd) : undefined, way.check ? stat(path) : undefined]);
      times.push(performance.now() - start);
    }
  }
  for (const { way, fd, path, times } of open) {
    fs.closeSync(fd);
    const bytes = fs.readFileSync(path);
    fs.rmSync(path);
    for (let round = 0; round < ROUNDS; round++) {
      if (bytes[round * recordBytes] !== ((round + 1) & 255))
        throw new Error(`${way.name}: record ${round} is not there`);
    }
    times.sort((a, b) => a - b);
    const figures = { medianMs: percentile(times, 0.5), p90Ms: percentile(times, 0.9) };
    console.log(JSON.stringify({ benchmark: 'log-sync', way: way.name, recordBytes, rounds: ROUNDS, ...figures }));
  }
}

const directory = resolve(process.argv[2] ?? '.');
for (const recordBytes of [256, 8192]) await measure(directory, recordBytes);
