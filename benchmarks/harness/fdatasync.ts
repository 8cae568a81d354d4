import { closeSync, fdatasyncSync, openSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';

const BLOCK_BYTES = 4096;
const BLOCKS = 64;

/** Milliseconds of one write of 4 KiB and fdatasync in a folder, many times: what the disk takes for itself. */
export function fdatasyncTimes(folder: string, times: number): number[] {
  const path = join(folder, 'fdatasync');
  const fd = openSync(path, 'w');
  const block = Buffer.alloc(BLOCK_BYTES, 1);
  const took: number[] = [];
  for (let i = 0; i < times; i++) {
    const startMs = performance.now();
    writeSync(fd, block, 0, block.length, (i % BLOCKS) * BLOCK_BYTES);
    fdatasyncSync(fd);
    took.push(performance.now() - startMs);
  }
  closeSync(fd);
  rmSync(path);
  return took;
}
