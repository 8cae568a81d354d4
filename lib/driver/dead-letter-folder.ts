import { basename, dirname, join } from 'node:path';

/** `deadletter/` beside the checkpoint; checkpoints in one folder do not share files. @param checkpoint absolute */
export function deadLetterFolder(checkpoint: string): string {
  return join(dirname(checkpoint), 'deadletter', basename(checkpoint));
}
