import type { DeadLetter } from '../../driver/checkpoint-tools.js';

/** Which dead letters a command is about. */
export interface SelectFlags {
  readonly reason?: string;
  readonly source?: string;
  readonly file?: string;
  readonly id?: readonly string[];
}

/** All flags that were given must hold. */
export function selector({ reason, source, file, id }: SelectFlags): (letter: DeadLetter) => boolean {
  const ids = id === undefined ? undefined : new Set(id);
  return letter =>
    (reason === undefined || letter.reason.includes(reason)) &&
    (source === undefined || letter.source === source) &&
    (file === undefined || letter.file === file) &&
    (ids === undefined || ids.has(letter.id));
}
