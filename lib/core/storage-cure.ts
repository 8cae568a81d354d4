/**
 * What to do about a file operation that the system refused, as the end of a message.
 * @param place what the user gave, in words: `the checkpoint directory`
 */
export function storageCure(thrown: unknown, place: string): string {
  switch (thrown instanceof Error && 'code' in thrown ? thrown.code : undefined) {
    case 'ENOSPC':
    case 'EDQUOT':
      return 'free disk space and start again';
    case 'EMFILE':
    case 'ENFILE':
      return 'let the process have more open files (ulimit -n) and start again';
    case 'EIO':
      return 'the disk fails: see to it (the system log says more) and start again';
    default:
      return `make ${place} readable and writable and start again`;
  }
}
