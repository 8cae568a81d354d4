/**
 * The state of one operator at the last commit: snapshots with the changes since set over them, as a restart does it, but
 * in the heap. Keys are taken in passes by their hash, so that memory is bounded whatever the state's size; each pass
 * reads the files again.
 */
import { readPiece, type LoadedState } from './loaded-state.js';
import { definitionOf } from '../../checkpoint/state-definition.js';
import { EngineError } from '../../core/errors.js';
import { hashBytes } from '../../core/hash.js';
import { readStateRows, type StateField, type StateRows } from '../../state/read-rows.js';

/** Rows of a pass, about. */
const PASS_ROWS = 500_000;

/** One key with its value. */
export interface StateEntry {
  readonly key: Uint8Array;
  readonly values: readonly StateField[];
}

/** How many passes some states take that are gone through together: each pass has the same keys of all of them. */
export function passesFor(states: readonly LoadedState[], operator: string): number {
  const numRows = states.map(({ snapshots, deltas }) =>
    [...snapshots, ...deltas].reduce((sum, piece) => sum + (piece.operator === operator ? piece.numRows : 0), 0),
  );
  return Math.max(1, Math.ceil(numRows.reduce((sum, n) => sum + n, 0) / PASS_ROWS));
}

/** Keys (as latin1 text of their bytes) and entries of one pass. Needs `loadArrow`. Throws `checkpointCorrupt`. */
export async function entriesOfPass(
  state: LoadedState,
  operator: string,
  pass: number,
  numPasses: number,
): Promise<Map<string, StateEntry>> {
  const entries = new Map<string, StateEntry>();
  for await (const rows of rowsOf(state, operator)) {
    for (let row = 0; row < rows.numRows; row++) {
      const key = rows.key(row);
      if (numPasses > 1 && hashBytes(key, 0, key.length) % numPasses !== pass) continue;
      const name = Buffer.from(key.buffer, key.byteOffset, key.byteLength).toString('latin1');
      if (rows.isRemoved(row)) entries.delete(name);
      else entries.set(name, { key, values: rows.values(row) });
    }
  }
  return entries;
}

/** All entries, pass by pass. */
export async function* entriesOf(state: LoadedState, operator: string): AsyncGenerator<StateEntry> {
  const numPasses = passesFor([state], operator);
  for (let pass = 0; pass < numPasses; pass++) yield* (await entriesOfPass(state, operator, pass, numPasses)).values();
}

/** Whether the values of an operator are bytes of any length; undefined when it has no rows at all. */
export async function isVariable(state: LoadedState, operator: string): Promise<boolean | undefined> {
  for await (const rows of rowsOf(state, operator)) return rows.isVariable;
  return undefined;
}

/** Rows of several definitions cannot be shown as one. Throws `checkpointForeign`. */
function requireOneDefinition({ operators, former = [], snapshots, deltas }: LoadedState, operator: string): void {
  const now = operators.find(({ id }) => id === operator);
  const own = now && definitionOf(now);
  const isOther = (definition: string | undefined): boolean =>
    definition === undefined
      ? former.some(old => old.id === operator && old.definition === '')
      : own !== undefined && definition !== own;
  if (![...snapshots, ...deltas].some(piece => piece.operator === operator && isOther(piece.definition))) return;
  throw new EngineError(
    'checkpointForeign',
    `the state of operator '${operator}' is partly as the job kept it before it was changed: it can be read when the changed ` +
      'job has written a snapshot, as it does when it is stopped',
    { detail: { operator } },
  );
}

/** In the order in which they are set over one another. */
async function* rowsOf(state: LoadedState, operator: string): AsyncGenerator<StateRows> {
  const { fs, snapshots, deltas } = state;
  requireOneDefinition(state, operator);
  for (const snapshot of snapshots) if (snapshot.operator === operator) yield* readPiece(fs, snapshot);
  for (const delta of deltas) if (delta.operator === operator) yield* readStateRows(await delta.read());
}
