/**
 * apache-arrow, loaded when it is first needed: importing it takes some 100 ms, which a job without state or Arrow files
 * should not pay. Hot paths are synchronous, so a thread calls `loadArrow` once at its start.
 */
import { EngineError } from '../core/errors.js';
import type { RecordBatch } from 'apache-arrow';

export type Arrow = typeof import('apache-arrow');

let loaded: Arrow | undefined;

/** Loads apache-arrow into this thread; more calls do nothing. */
export async function loadArrow(): Promise<void> {
  loaded ??= await import('apache-arrow');
}

/** The library. Throws `internal` before `loadArrow` has finished. */
export function arrow(): Arrow {
  if (loaded === undefined)
    throw new EngineError('internal', 'apache-arrow is used before loadArrow() has finished in this thread');
  return loaded;
}

export interface IpcWriter {
  write(batch: RecordBatch): void;
  /** Writes what ends a stream, or a file's footer. */
  finish(): void;
}

/**
 * A writer of Arrow's IPC stream or file that hands over each piece as it is made, where the library's own writer would
 * queue all of them: views of the batch's buffers among them, so a piece is good until `onBytes` returns. Batches have
 * at least one row or the first is the only one; compression stays off, apache-arrow 21.2 writes it in a wrong form.
 */
export function ipcWriter(format: 'stream' | 'file', onBytes: (bytes: Uint8Array) => void): IpcWriter {
  const { RecordBatchStreamWriter, RecordBatchFileWriter } = arrow();
  const take = (chunk: ArrayBufferView): number => {
    if (chunk.byteLength > 0) onBytes(new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.byteLength));
    return chunk.byteLength;
  };
  class StreamPieces extends RecordBatchStreamWriter {
    protected override _write(chunk: ArrayBufferView): this {
      if (this._started) this._position += take(chunk);
      return this;
    }
  }
  class FilePieces extends RecordBatchFileWriter {
    protected override _write(chunk: ArrayBufferView): this {
      if (this._started) this._position += take(chunk);
      return this;
    }
  }
  const writer = format === 'stream' ? new StreamPieces() : new FilePieces();
  return { write: batch => writer.write(batch), finish: () => void writer.finish() };
}
