import type { OpenSpillFile } from '../../lib/core/spill-file.js';

/** Files of spilled state in memory, to be damaged and to fail as a spec wants. */
export class ModelSpillFiles {
  readonly files = new Map<string, Uint8Array>();
  /** Thrown by the next calls of this kind, until it is taken away again. */
  failing: { readonly call: 'open' | 'read' | 'write'; readonly code: string } | undefined;
  /** Bytes that all files may have. */
  spaceBytes = Infinity;
  reads = 0;
  writes = 0;

  readonly open: OpenSpillFile = (path, flags) => {
    this.#failFor('open');
    if (flags === 'w+') this.files.set(path, new Uint8Array(0));
    else if (!this.files.has(path)) throw codeError('ENOENT');
    return {
      read: (into, position) => {
        this.#failFor('read');
        this.reads++;
        const bytes = this.#bytesOf(path).subarray(position, position + into.length);
        into.set(bytes);
        return bytes.length;
      },
      write: (bytes, position) => {
        this.#failFor('write');
        this.writes++;
        const have = this.#bytesOf(path);
        const end = position + bytes.length;
        if (end > this.spaceBytes) throw codeError('ENOSPC');
        const file = end > have.length ? new Uint8Array(end) : have;
        if (file !== have) file.set(have);
        file.set(bytes, position);
        this.files.set(path, file);
      },
      close: () => undefined,
    };
  };

  /** Changes the bytes of every file. */
  damage(change: (bytes: Uint8Array) => Uint8Array): void {
    for (const [path, bytes] of this.files) this.files.set(path, change(bytes.slice()));
  }

  get byteLength(): number {
    return [...this.files.values()].reduce((sum, bytes) => sum + bytes.length, 0);
  }

  #bytesOf(path: string): Uint8Array {
    return this.files.get(path) ?? new Uint8Array(0);
  }

  #failFor(call: 'open' | 'read' | 'write'): void {
    if (this.failing?.call === call) throw codeError(this.failing.code);
  }
}

const codeError = (code: string): Error => Object.assign(new Error(`${code}: asked for`), { code });
