// What the plain programs share: input by chunks or by readline, and the result line.
import { closeSync, createReadStream, openSync, readdirSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

const CHUNK_BYTES = 1 << 20;

export const filesIn = folder =>
  readdirSync(folder)
    .sort()
    .map(name => join(folder, name));

/** The bytes of a file, a chunk at a time; a chunk is good until the next. */
export function* chunksOf(file) {
  const buffer = Buffer.allocUnsafe(CHUNK_BYTES);
  const fd = openSync(file, 'r');
  for (let n = readSync(fd, buffer, 0, CHUNK_BYTES, null); n > 0; n = readSync(fd, buffer, 0, CHUNK_BYTES, null)) {
    yield buffer.subarray(0, n);
  }
  closeSync(fd);
}

/** Calls `line` for each line of a file: one string for each chunk, split. The data is ASCII. */
export function forLines(file, line) {
  let rest = '';
  for (const chunk of chunksOf(file)) {
    const lines = (rest + chunk.latin1Slice(0, chunk.length)).split('\n');
    rest = lines.pop();
    for (let i = 0; i < lines.length; i++) line(lines[i]);
  }
  if (rest !== '') line(rest);
}

/** The same as most would write it first. */
export async function forReadlines(file, line) {
  for await (const text of createInterface({ input: createReadStream(file), crlfDelay: Infinity })) line(text);
}

/** Runs `work`, which gives how many records it went over and whether the answer was right, and prints the result. */
export async function measure(form, work) {
  const start = { atMs: performance.now(), cpu: process.cpuUsage() };
  const { records, finish } = await work();
  const wallMs = performance.now() - start.atMs;
  const { user, system } = process.cpuUsage(start.cpu);
  const ok = finish === undefined ? true : await finish();
  const used = { wallMs, cpuMs: (user + system) / 1000, rssMb: process.resourceUsage().maxRSS / 1024 };
  const what = { system: 'node', version: process.versions.node, form, start: 'cold', threads: 1 };
  console.log(JSON.stringify({ ...what, records, ...used, ok }));
}
