import { mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A folder of a spec's own, removed when the suite ends. */
export function tempFolder(): {
  readonly path: string;
  file(name: string, content: string | Uint8Array, mtimeMs?: number): string;
} {
  const path = mkdtempSync(join(tmpdir(), 'sluice-'));
  after(() => rmSync(path, { recursive: true, force: true }));
  return {
    path,
    file(name, content, mtimeMs) {
      const at = join(path, name);
      mkdirSync(join(at, '..'), { recursive: true });
      writeFileSync(at, content);
      if (mtimeMs !== undefined) utimesSync(at, mtimeMs / 1000, mtimeMs / 1000);
      return at;
    },
  };
}
