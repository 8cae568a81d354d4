/** The two halves that the workers and the driver make of a file output's description in the plan. */
import { extname } from 'node:path';
import { assertNever } from '../core/assert-never.js';
import type { FileSystem } from '../core/file-system.js';
import { formatSchema } from '../core/schema.js';
import type { SlotMemory } from '../columnar/slot-memory.js';
import { ArrowSinkWriter } from './arrow-sink-writer.js';
import { FileSinkDriver, type FileSinkOptions } from './file-sink-driver.js';
import type { OutputFilesSpec, RollOptions } from '../core/file-sink-spec.js';
import { FileSinkWriter } from './file-sink-writer.js';
import type { SinkDriver, SinkWriter } from './sink.js';
import { stagedParts } from './staged-text.js';
import { TextFoldersDriver } from './text-folders-driver.js';

export type { FileSinkSpec, OutputFilesSpec, RollOptions } from '../core/file-sink-spec.js';

/** Arrow outputs need `loadArrow` before. */
export function makeSinkWriter(spec: OutputFilesSpec, memory: SlotMemory): SinkWriter {
  switch (spec.format) {
    case 'arrow':
      return new ArrowSinkWriter(spec, memory);
    case 'textFolders': {
      const lines = { format: 'text', path: spec.path, header: null, delimiter: ',', escapeFormulas: false } as const;
      return new FileSinkWriter(lines, memory);
    }
    default:
      return new FileSinkWriter(spec, memory);
  }
}

export function makeSinkDriver(spec: OutputFilesSpec, fs: FileSystem, roll: RollOptions): SinkDriver {
  const appended = (extension: string, more: Pick<FileSinkOptions, 'hasHeader' | 'partsOf'>): SinkDriver =>
    new FileSinkDriver(fs, {
      path: spec.path,
      isFolder: extname(spec.path) === '',
      prefix: 'part',
      extension,
      ...more,
      ...roll,
    });
  switch (spec.format) {
    case 'csv':
      return appended('.csv', { hasHeader: spec.header !== false });
    case 'ndjson':
      return appended('.ndjson', { hasHeader: false });
    case 'text':
      return appended('.txt', { hasHeader: false });
    case 'arrow': {
      const names = formatSchema(spec.columns);
      return appended('.arrows', { hasHeader: true, partsOf: staged => ({ ...stagedParts(staged), names }) });
    }
    case 'textFolders':
      return new TextFoldersDriver(fs, spec);
    default:
      return assertNever(spec);
  }
}

/** Whether a batch without rows leaves nothing in the output, so that it need not be committed to it. */
export const skipsEmpty = ({ format }: OutputFilesSpec): boolean => format !== 'textFolders';
