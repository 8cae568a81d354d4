import { crc32 } from 'node:zlib';
import type { FileSystem } from '../core/file-system.js';
import { hasCode } from './checkpoint-files.js';
import { FileWindow } from './file-window.js';
import type { SnapshotFile } from './manifest.js';

/** Reads a snapshot file through and compares it with what the manifest says. Returns the problem, or undefined. */
export async function checkSnapshot(fs: FileSystem, snapshot: SnapshotFile): Promise<string | undefined> {
  try {
    const { size } = await fs.stat(snapshot.path);
    if (size !== snapshot.byteLength) return `wanted ${snapshot.byteLength} bytes, found ${size}`;
    const file = await fs.open(snapshot.path, 'r');
    try {
      let checksum = 0;
      await new FileWindow(file, size).each(0, size, bytes => {
        checksum = crc32(bytes, checksum);
      });
      return checksum === snapshot.crc32 ? undefined : 'its checksum is wrong';
    } finally {
      await file.close();
    }
  } catch (thrown) {
    if (hasCode(thrown, 'ENOENT')) return 'the file is missing';
    throw thrown;
  }
}
