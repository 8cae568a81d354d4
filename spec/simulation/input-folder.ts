/** Input files in memory, as another program writes them: they survive everything. Times are those of the virtual clock. */
import type { InputFiles, InputStat } from '../../lib/sources/input-files.js';

interface InputFile {
  bytes: Buffer;
  mtimeMs: number;
  readonly ino: number;
}

export class InputFolder implements InputFiles {
  readonly #path: string;
  readonly #now: () => number;
  readonly #files = new Map<string, InputFile>();
  readonly #open = new Map<number, InputFile>();
  #folderMtimeMs: number;
  #nextFd = 1;

  constructor(path: string, now: () => number) {
    this.#path = path;
    this.#now = now;
    this.#folderMtimeMs = now();
  }

  /** Adds to a file of the folder, which is created when missing. */
  append(name: string, text: string): void {
    const path = `${this.#path}/${name}`;
    const file = this.#files.get(path);
    if (file === undefined) {
      this.#folderMtimeMs = this.#now();
      this.#files.set(path, { bytes: Buffer.from(text), mtimeMs: this.#now(), ino: this.#files.size + 1 });
    } else {
      file.bytes = Buffer.concat([file.bytes, Buffer.from(text)]);
      file.mtimeMs = this.#now();
    }
  }

  readdirSync(path: string): string[] {
    if (path !== this.#path) throw missing(path);
    return [...this.#files.keys()].map(file => file.slice(path.length + 1));
  }

  statSync(path: string): InputStat {
    if (path !== this.#path) return statOf(this.#file(path));
    return { size: 0, mtimeMs: this.#folderMtimeMs, ino: 0, isFile: () => false, isDirectory: () => true };
  }

  fstatSync(fd: number): InputStat {
    return statOf(this.#opened(fd));
  }

  openSync(path: string): number {
    this.#open.set(this.#nextFd, this.#file(path));
    return this.#nextFd++;
  }

  readSync(fd: number, buffer: Uint8Array, offset: number, length: number, position: number): number {
    const { bytes } = this.#opened(fd);
    return bytes.copy(buffer, offset, Math.min(position, bytes.length), Math.min(position + length, bytes.length));
  }

  closeSync(fd: number): void {
    this.#open.delete(fd);
  }

  #file(path: string): InputFile {
    const file = this.#files.get(path);
    if (file === undefined) throw missing(path);
    return file;
  }

  #opened(fd: number): InputFile {
    const file = this.#open.get(fd);
    if (file === undefined) throw new Error(`EBADF: ${fd}`);
    return file;
  }
}

const statOf = ({ bytes, mtimeMs, ino }: InputFile): InputStat => ({
  ...{ size: bytes.length, mtimeMs, ino },
  isFile: () => true,
  isDirectory: () => false,
});

const missing = (path: string): Error => Object.assign(new Error(`ENOENT: '${path}'`), { code: 'ENOENT' });
