/**
 * How state of an earlier definition of an operator becomes state of the present one, as data: the driver decides it when
 * it opens the checkpoint, workers do it row by row while they load the pieces.
 */
import type { Column } from './schema.js';

/** What a job says of the states that earlier versions of it left. */
export interface StateUpgrade {
  /** Columns or aggregates by their new names, with the old one. */
  readonly renamed?: { readonly [name: string]: string };
  /** Old columns or aggregates that are to go with what they hold. */
  readonly removed?: readonly string[];
  /** Values of new columns for keys that have a state. */
  readonly defaults?: { readonly [name: string]: number };
  /** Of what functions keep: an integer above 0; 0 is state of before there was a version. */
  readonly version?: number;
  /** Whether the job has a function that makes new states of old ones. */
  readonly migrates?: boolean;
}

/** Where a number of the new state comes from. */
export type NumberFrom =
  /** A number of the old one, by its place, as it is or made a float64. */
  | { readonly index: number; readonly toFloat64: boolean }
  | { readonly value: number; readonly isFloat: boolean }
  /** Nothing: what an aggregate of no values has. */
  | 'empty';

export type StateChange =
  /**
   * Numbers, and behind them what wide aggregates keep, are taken over one by one.
   */
  | {
      readonly kind: 'columns';
      /** The numbers of the old state, in their order. */
      readonly from: readonly Column[];
      /** How many wide aggregates the old state has behind its numbers. */
      readonly fromWide: number;
      readonly numbers: readonly NumberFrom[];
      /** The wide aggregates of the new state by their places in the old one; null: it is new. */
      readonly wide: readonly (number | null)[];
    }
  /** The job's function makes the new state of the old one. */
  | {
      readonly kind: 'migrate';
      /** Columns that the old state is kept as; null: as any value. */
      readonly from: readonly Column[] | null;
      readonly fromVersion: number;
    };
