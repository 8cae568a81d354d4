import type { Random } from './random-values.js';

const PAGE_BYTES = 4096;
const SECTOR_BYTES = 512;
const ZERO_PAGE = new Uint8Array(PAGE_BYTES);

/** A file's content now and as of its last sync, page by page; a page of zeros is not stored. Pages are never changed in place. */
export class ModelFile {
  readonly ino: number;
  mtimeMs: number;
  size = 0;
  #durableSize = 0;
  #pages = new Map<number, Uint8Array>();
  #durablePages = new Map<number, Uint8Array>();
  readonly #dirty = new Set<number>();
  /** Pages that a failed sync took for written. */
  readonly #dropped = new Set<number>();
  #sizeDropped = false;

  constructor(ino: number, mtimeMs: number) {
    this.ino = ino;
    this.mtimeMs = mtimeMs;
  }

  write(bytes: Uint8Array, position: number): void {
    for (let done = 0; done < bytes.byteLength;) {
      const at = position + done;
      const index = Math.floor(at / PAGE_BYTES);
      const inPage = at % PAGE_BYTES;
      const length = Math.min(PAGE_BYTES - inPage, bytes.byteLength - done);
      const piece = bytes.subarray(done, done + length);
      if (length === PAGE_BYTES && Buffer.compare(piece, ZERO_PAGE) === 0) this.#clear(index);
      else this.#change(index, page => page.set(piece, inPage));
      done += length;
    }
    this.size = Math.max(this.size, position + bytes.byteLength);
    if (position + bytes.byteLength === this.size) this.#sizeDropped = false;
  }

  read(buffer: Uint8Array, position: number): number {
    const length = Math.max(0, Math.min(buffer.byteLength, this.size - position));
    for (let done = 0; done < length;) {
      const at = position + done;
      const inPage = at % PAGE_BYTES;
      const piece = Math.min(PAGE_BYTES - inPage, length - done);
      const page = this.#pages.get(Math.floor(at / PAGE_BYTES)) ?? ZERO_PAGE;
      buffer.set(page.subarray(inPage, inPage + piece), done);
      done += piece;
    }
    return length;
  }

  truncate(size: number): void {
    const last = Math.floor(size / PAGE_BYTES);
    for (const index of this.#pages.keys()) {
      if (index > last) this.#change(index, page => page.fill(0));
      else if (index === last) this.#change(index, page => page.fill(0, size % PAGE_BYTES));
    }
    this.size = size;
    this.#sizeDropped = false;
  }

  sync(): void {
    for (const index of this.#dirty) {
      copyPage(this.#pages, this.#durablePages, index);
      this.#dropped.delete(index);
    }
    this.#dirty.clear();
    if (!this.#sizeDropped) this.#durableSize = this.size;
  }

  /** A sync that failed: what was to be written counts as written, and is not on disk until it is written again. */
  failSync(): void {
    for (const index of this.#dirty) this.#dropped.add(index);
    this.#dirty.clear();
    this.#sizeDropped ||= this.size !== this.#durableSize;
  }

  /** Another file with the same content, all of it durable. */
  copy(ino: number): ModelFile {
    const other = new ModelFile(ino, this.mtimeMs);
    other.size = this.size;
    other.#durableSize = this.size;
    other.#pages = new Map(this.#pages);
    other.#durablePages = new Map(this.#pages);
    return other;
  }

  /** Power is lost: of what was not synced each sector is there or not; without `random` nothing of it is. */
  losePower(random: Random | undefined): void {
    for (const index of this.#dropped) if (!this.#dirty.has(index)) copyPage(this.#durablePages, this.#pages, index);
    this.#dropped.clear();
    for (const index of this.#dirty) {
      const before = this.#durablePages.get(index) ?? ZERO_PAGE;
      const after = this.#pages.get(index) ?? ZERO_PAGE;
      const page = before.slice();
      for (let start = 0; random !== undefined && start < PAGE_BYTES; start += SECTOR_BYTES) {
        if (random() < 0.5) page.set(after.subarray(start, start + SECTOR_BYTES), start);
      }
      storePage(this.#pages, index, page);
    }
    if (this.#sizeDropped || random === undefined || random() < 0.5) this.size = this.#durableSize;
    this.#sizeDropped = false;
    this.sync();
  }

  /** The same as changing all of it to zeros; most of what a log writes is that. */
  #clear(index: number): void {
    this.#pages.delete(index);
    this.#dirty.add(index);
  }

  #change(index: number, change: (page: Uint8Array) => void): void {
    const page = (this.#pages.get(index) ?? ZERO_PAGE).slice();
    change(page);
    storePage(this.#pages, index, page);
    this.#dirty.add(index);
  }
}

function storePage(pages: Map<number, Uint8Array>, index: number, page: Uint8Array): void {
  if (Buffer.compare(page, ZERO_PAGE) === 0) pages.delete(index);
  else pages.set(index, page);
}

function copyPage(from: ReadonlyMap<number, Uint8Array>, to: Map<number, Uint8Array>, index: number): void {
  const page = from.get(index);
  if (page === undefined) to.delete(index);
  else to.set(index, page);
}
