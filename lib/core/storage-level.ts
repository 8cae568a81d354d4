/**
 * Where persisted rows may lie, by Spark's names. They are kept encoded, whatever the level, so the levels that end in
 * `_SER` mean the same as those that do not.
 */
export const StorageLevel = {
  /** In memory alone: what has no room there any more is dropped. An RDD is computed again, a stream's batch is gone. */
  MEMORY_ONLY: 'MEMORY_ONLY',
  MEMORY_ONLY_SER: 'MEMORY_ONLY_SER',
  /** In memory, and in files what has no room there. */
  MEMORY_AND_DISK: 'MEMORY_AND_DISK',
  MEMORY_AND_DISK_SER: 'MEMORY_AND_DISK_SER',
} as const;

export type StorageLevel = keyof typeof StorageLevel;

/** Whether rows of that level may go to files. */
export const usesDisk = (level: StorageLevel): boolean => level.startsWith('MEMORY_AND_DISK');
