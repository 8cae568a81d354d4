/**
 * The model file system as one process sees it: every operation takes virtual time, and those that the scenario names
 * fail, or take the machine down in their middle. What a dead process had begun never ends.
 */
import type { FileHandle, FileStat, FileSystem } from '../../lib/core/file-system.js';
import { writeFileAtomic } from '../../lib/core/write-file-atomic.js';
import type { ModelFileSystem } from '../helpers/model-file-system.js';
import type { SimProcess, Simulation } from './world.js';

/** What becomes of an operation: `crash` is one in the middle of which the process dies. */
export type DiskFault = 'EIO' | 'ENOSPC' | 'crash';

export interface Disk {
  readonly files: ModelFileSystem;
  /** Fastest time of an operation; a sync takes longer. */
  readonly fastMs: number;
  /** Asked once for each operation. */
  readonly faultOf: (operation: string, path: string) => DiskFault | undefined;
  readonly onFault: (fault: DiskFault) => void;
}

const SYNC_FACTOR = 4;

export class SimFileSystem implements FileSystem {
  readonly #simulation: Simulation;
  readonly #process: SimProcess;
  readonly #disk: Disk;

  constructor(simulation: Simulation, process: SimProcess, disk: Disk) {
    this.#simulation = simulation;
    this.#process = process;
    this.#disk = disk;
  }

  mkdir(path: string): Promise<void> {
    return this.#run('mkdir', path, () => this.#disk.files.mkdir(path));
  }

  readdir(path: string): Promise<string[]> {
    return this.#run('readdir', path, () => this.#disk.files.readdir(path));
  }

  stat(path: string): Promise<FileStat> {
    return this.#run('stat', path, () => this.#disk.files.stat(path));
  }

  async readFile(path: string): Promise<Uint8Array> {
    const file = await this.open(path, 'r');
    const bytes = new Uint8Array((await this.stat(path)).size);
    await file.read(bytes, 0);
    await file.close();
    return bytes;
  }

  writeFileAtomic(path: string, bytes: Uint8Array): Promise<void> {
    return writeFileAtomic(this, path, bytes);
  }

  async open(path: string, flags: 'r' | 'r+' | 'w' | 'wx'): Promise<FileHandle> {
    const handle = await this.#run(`open ${flags}`, path, () => this.#disk.files.open(path, flags));
    return {
      write: (buffers, position) =>
        this.#run(
          'write',
          path,
          () => handle.write(buffers, position),
          async () => {
            const [first] = buffers;
            // A full disk takes some of it.
            if (first !== undefined) await handle.write([first.subarray(0, first.byteLength >>> 1)], position);
          },
        ),
      read: (buffer, position) => this.#run('read', path, () => handle.read(buffer, position)),
      truncate: size => this.#run('truncate', path, () => handle.truncate(size)),
      sync: () => this.#run('sync', path, () => handle.sync()),
      close: () => handle.close(),
    };
  }

  rename(from: string, to: string): Promise<void> {
    return this.#run('rename', from, () => this.#disk.files.rename(from, to));
  }

  link(existing: string, path: string): Promise<void> {
    return this.#run('link', path, () => this.#disk.files.link(existing, path));
  }

  remove(path: string): Promise<void> {
    return this.#run('remove', path, () => this.#disk.files.remove(path));
  }

  syncDirectory(path: string): Promise<void> {
    return this.#run('syncDirectory', path, () => this.#disk.files.syncDirectory(path));
  }

  /** @param onFull what an operation does that finds the disk full */
  async #run<T>(
    operation: string,
    path: string,
    work: () => Promise<T>,
    onFull: () => Promise<void> = () => Promise.resolve(),
  ): Promise<T> {
    const { files, fastMs, faultOf, onFault } = this.#disk;
    const isSync = operation === 'sync' || operation === 'syncDirectory';
    await this.#process.sleep(this.#simulation.latency(isSync ? fastMs * SYNC_FACTOR : fastMs));
    const fault = faultOf(operation, path);
    this.#simulation.note(this.#process.name, `${operation} ${path}${fault === undefined ? '' : ` ${fault}`}`);
    if (fault === undefined) return work();
    if (fault === 'crash') {
      files.downAt(files.numOperations);
      await work().catch(() => undefined);
      onFault(fault);
      return new Promise<never>(() => undefined);
    }
    if (fault === 'ENOSPC') await onFull();
    onFault(fault);
    throw Object.assign(new Error(`${fault}: ${operation} '${path}'`), { code: fault });
  }
}
