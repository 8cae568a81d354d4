import { EngineError } from './errors.js';

/** A file that a later version of Sluice wrote. @param newest the version of its format that this one writes */
export function newerFormat(path: string, version: number | string, newest: number): EngineError {
  const reads = newest === 1 ? '1' : `1 to ${newest}`;
  return new EngineError(
    'checkpointForeign',
    `${path} is of format version ${version}, this version of Sluice reads ${reads}: use the version that wrote it, or a ` +
      'new checkpoint directory',
    { detail: { file: path } },
  );
}
