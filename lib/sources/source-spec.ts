/** Every kind of source, as plain data in the plan, and the two halves that the driver and the workers make of it. */
import { assertNever } from '../core/assert-never.js';
import { EngineError } from '../core/errors.js';
import type { FileSystem } from '../core/file-system.js';
import type { SourceSpec } from '../core/source-spec.js';
import { FileSourceDriver } from './file-source-driver.js';
import { FileSourceReader } from './file-source-reader.js';
import type { InputFiles } from './input-files.js';
import { QueueSourceDriver, QueueSourceReader, type BatchFeed } from './queue-source.js';
import { RateSourceDriver, RateSourceReader } from './rate-source.js';
import { ReceiverSourceDriver } from './receiver/receiver-source-driver.js';
import { ReceiverSourceReader } from './receiver/receiver-source-reader.js';
import type { SourceDriver, SourceReader } from './source.js';

export interface SourceDriverContext {
  /** The source's id, which warnings begin with. */
  readonly id: string;
  /** Where a queue source's batches come from; other sources have none. */
  readonly queue: BatchFeed | undefined;
  /** What it gives where there is none. */
  readonly defaultBatch?: readonly unknown[] | undefined;
  /** Which files a file source takes; undefined for all. */
  readonly filter?: ((name: string) => boolean) | undefined;
  /** Takes one line about input that was lost or refused. */
  readonly warn: (message: string) => void;
  /** Where what a receiver stores lies; other sources have none. */
  readonly receiver?: { readonly fs: FileSystem; readonly folder: string; readonly durable: boolean };
  /** Where a file source's files are, and the clock of their times; default: the disk, and wall time. */
  readonly input?: { readonly files: InputFiles; readonly now: () => number } | undefined;
}

const EMPTY_FEED: BatchFeed = { shift: () => undefined, length: 0 };

export function makeSourceDriver(spec: SourceSpec, context: SourceDriverContext): SourceDriver {
  switch (spec.kind) {
    case 'file':
      return new FileSourceDriver({
        path: spec.path,
        format: spec.format,
        settleMs: spec.settleMs,
        newFilesOnly: spec.newFilesOnly ?? false,
        filter: context.filter,
        onWarning: message => context.warn(`source ${context.id}: ${message}`),
        ...context.input,
      });
    case 'queue':
      return new QueueSourceDriver(context.queue ?? EMPTY_FEED, spec.oneAtATime, context.defaultBatch);
    case 'rate':
      return new RateSourceDriver(spec);
    case 'receiver':
      if (context.receiver === undefined) throw new EngineError('internal', `no folder for receiver ${context.id}`);
      return new ReceiverSourceDriver({ sourceId: context.id, ...context.receiver, warn: context.warn });
    default:
      return assertNever(spec);
  }
}

/**
 * @param source the source's id, as it stands in dead letters
 * @param receiver where what a receiver stored lies
 * @param files where a file source's files are; default: the disk
 */
export function makeSourceReader(
  spec: SourceSpec,
  source: string,
  receiver?: { readonly fs: FileSystem; readonly folder: string },
  files?: InputFiles,
): SourceReader {
  switch (spec.kind) {
    case 'file':
      return new FileSourceReader({
        source,
        path: spec.path,
        format: spec.format,
        ...(files === undefined ? {} : { files }),
      });
    case 'queue':
      return new QueueSourceReader();
    case 'rate':
      return new RateSourceReader(spec);
    case 'receiver':
      if (receiver === undefined) throw new EngineError('internal', `no folder for receiver ${source}`);
      return new ReceiverSourceReader(receiver.fs, receiver.folder);
    default:
      return assertNever(spec);
  }
}
