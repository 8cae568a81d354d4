import type { FileSystem } from './file-system.js';

/**
 * Makes bytes durable that were read from a file and may never have reached the disk: their writer was killed before its
 * sync, or its sync failed. They are written again, because after a failed sync the system takes the pages for clean, and
 * another sync alone would report success and do nothing.
 *
 * @param from, to the bytes `[from, to)`; a part of the file, of moderate size
 */
export async function writeAgain(fs: FileSystem, path: string, from: number, to: number): Promise<void> {
  const file = await fs.open(path, 'r+');
  try {
    const bytes = new Uint8Array(to - from);
    let numRead = 0;
    for (let n = -1; numRead < bytes.byteLength && n !== 0; numRead += n)
      n = await file.read(bytes.subarray(numRead), from + numRead);
    await file.write([bytes.subarray(0, numRead)], from);
    await file.sync();
  } finally {
    await file.close();
  }
}
