/** What single operations of a stream may be told, and what of it is refused. */
import { EngineError } from '../core/errors.js';
import type { ColumnChanges, Migration, SchemaChanges } from './state-upgrade.js';
import type { Column, Schema } from '../core/schema.js';

export interface UpdateStateOptions<S, K = unknown> {
  /** Names the state in checkpoints; give one to be free to move the operation. */
  readonly id?: string;
  readonly numPartitions?: number;
  /** Keep the state as columns of numbers instead of any JSON-like value: smaller and readable by Arrow tools. */
  readonly state?: Schema<S>;
  /**
   * The state before the first batch, each key once. Counts where the checkpoint has no snapshot of this state yet, so
   * it must stay the same until the first one is written.
   */
  readonly initialState?: readonly (readonly [K, S])[];
  /** What becomes of states that earlier versions of the job left: of those with a schema by column, of any by a function. */
  readonly upgrade?: SchemaChanges | Migration<S>;
}

export interface CsvOutputOptions {
  /** A first line with the column names, once a file. Default: true for objects, false for anything else. */
  readonly header?: boolean;
  readonly delimiter?: string;
  /** Puts `'` before a field that a spreadsheet would run as a formula. */
  readonly escapeFormulas?: boolean;
}

export interface RunningAggOptions {
  /** Names the state in checkpoints; default `runningAgg(user)` after the key columns. */
  readonly id?: string;
  readonly numPartitions?: number;
  /** What became of the aggregates of earlier versions of the job; new ones begin with nothing. */
  readonly upgrade?: ColumnChanges;
}

/** Throws `jobInvalid` unless all columns are numbers without null. */
export function requireNumbers(columns: readonly Column[], operatorId: string): void {
  const wrong = columns.find(
    column => !['int32', 'int64', 'float64', 'timestamp'].includes(column.kind) || column.nullable,
  );
  if (wrong !== undefined) {
    throw new EngineError(
      'jobInvalid',
      `state columns of ${operatorId} must be numbers without null, got ${wrong.name} ${wrong.kind}${wrong.nullable ? '?' : ''}: leave out the schema to keep any JSON-like state`,
    );
  }
}
