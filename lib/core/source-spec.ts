import type { Format } from './format.js';

/**
 * Where a source's records come from, as plain data in the plan: the driver and the workers make their halves of the
 * source from it.
 */
export type SourceSpec =
  | {
      readonly kind: 'file';
      /** Folder, file, or a pattern (`in/*.csv`). */
      readonly path: string;
      readonly format: Format;
      /** After how long without change a last line without its end is taken as it is. */
      readonly settleMs: number;
      /** Leaves alone what is there when the stream begins. */
      readonly newFilesOnly?: true;
      /** Records per second at the most. */
      readonly maxRate?: number;
    }
  | {
      readonly kind: 'queue';
      /** A batch takes one of the queue's; else all that are there. */
      readonly oneAtATime: boolean;
    }
  | {
      readonly kind: 'rate';
      readonly rowsPerSecond: number;
      readonly seed: number;
      /** Rows in all; null = without end. */
      readonly total: number | null;
      /** Rows per second at the most that a batch takes: those due and not taken wait. */
      readonly maxRate?: number;
    }
  | {
      readonly kind: 'receiver';
      /** Name of the receiver's kind, and what it receives from; nothing secret. */
      readonly receiver: string;
      readonly from: string;
      /** Records a second that are taken at the most. */
      readonly maxRate?: number;
    };
