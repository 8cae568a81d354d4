/** What makes states of the present job out of those that an earlier version of it left, see `core/state-change.ts`. */
import { assertNever } from '../core/assert-never.js';
import { EngineError, messageOf } from '../core/errors.js';
import type { StateChange } from '../core/state-change.js';
import { columnsConverter, type RowConverter } from '../state/convert-rows.js';
import { decodeTimed, encodeTimed, timeOf } from '../state/timed-value.js';
import { decoderOf, encoderOf } from './state-leaves.js';
import type { OperatorState } from './state-tables.js';

/**
 * @param migrate the job's function from an old state and its version to a new state
 * `convert` throws `typeMismatch` for a state that does not become one, with the cause.
 */
export function stateConverter(
  change: StateChange,
  operator: string,
  state: OperatorState,
  migrate: ((old: unknown, version: number) => unknown) | undefined,
): RowConverter {
  switch (change.kind) {
    case 'columns':
      return columnsConverter(change, state.empty ?? [], operator);
    case 'migrate': {
      if (migrate === undefined) throw new EngineError('internal', `operator '${operator}' has no function migrate`);
      const from = change.from ?? 'variable';
      const call = (old: unknown): unknown => callMigrate(migrate, old, change.fromVersion, operator);
      if (state.kind === 'mapWithState')
        return { from, convert: value => encodeTimed(timeOf(value), call(decodeTimed(value))) };
      const decode = decoderOf(from);
      const encode = encoderOf(state.value, `migrate of ${operator}`);
      return { from, convert: value => encode(call(decode(value))) };
    }
    default:
      return assertNever(change);
  }
}

function callMigrate(
  migrate: (old: unknown, version: number) => unknown,
  old: unknown,
  version: number,
  operator: string,
): unknown {
  let made: unknown;
  try {
    made = migrate(old, version);
  } catch (cause) {
    const message = `migrate of operator '${operator}' threw on a state of version ${version}: ${messageOf(cause)}`;
    throw new EngineError('typeMismatch', message, { cause });
  }
  if (made !== undefined) return made;
  throw new EngineError(
    'typeMismatch',
    `migrate of operator '${operator}' gave nothing for a state of version ${version}: it wants to give the new state`,
  );
}
