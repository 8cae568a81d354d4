/** The two halves that the workers and the driver make of a file sink's description in the plan. */
import { extname } from 'node:path';
import type { FileSystem } from '../core/file-system.js';
import type { SlotMemory } from '../columnar/slot-memory.js';
import { FileSinkDriver } from './file-sink-driver.js';
import type { FileSinkSpec, RollOptions } from '../core/file-sink-spec.js';
import { FileSinkWriter } from './file-sink-writer.js';
import type { SinkDriver, SinkWriter } from './sink.js';

export type { FileSinkSpec, RollOptions } from '../core/file-sink-spec.js';

export function makeSinkWriter(spec: FileSinkSpec, memory: SlotMemory): SinkWriter {
  return new FileSinkWriter(spec, memory);
}

const EXTENSIONS = { csv: '.csv', ndjson: '.ndjson', text: '.txt' } as const;

export function makeSinkDriver(spec: FileSinkSpec, fs: FileSystem, roll: RollOptions): SinkDriver {
  return new FileSinkDriver(fs, {
    path: spec.path,
    isFolder: extname(spec.path) === '',
    prefix: 'part',
    extension: EXTENSIONS[spec.format],
    hasHeader: spec.format === 'csv' && spec.header !== false,
    ...roll,
  });
}
