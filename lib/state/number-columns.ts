/** State kept as columns of numbers: an object with the columns' names to and from 8 bytes a column. */
import { EngineError } from '../core/errors.js';
import { formatSchema, type Column } from '../core/schema.js';

/**
 * @param what names the operation in messages
 * Throws `typeMismatch` when the state is not an object with a number that fits for each column, or has further fields.
 */
export function encodeNumbers(columns: readonly Column[], state: unknown, what: string): Uint8Array {
  const refuse = (found: string): never => {
    throw new EngineError(
      'typeMismatch',
      `${what} keeps a state of (${formatSchema(columns)}), its function gave ${found}`,
    );
  };
  if (typeof state !== 'object' || state === null) return refuse(state === null ? 'null' : `a ${typeof state}`);
  const extra = Object.keys(state).find(name => !columns.some(column => column.name === name));
  if (extra !== undefined) return refuse(`a field ${JSON.stringify(extra)} that is not declared`);
  const view = new DataView(new ArrayBuffer(columns.length * 8));
  columns.forEach(({ name, kind }, i) => {
    const value: unknown = Object.hasOwn(state, name) ? (state as Record<string, unknown>)[name] : undefined;
    if (typeof value !== 'number') return refuse(`${name}: ${value === null ? 'null' : typeof value}`);
    if (kind === 'float64') return view.setFloat64(i * 8, value, true);
    const fits = kind === 'int32' ? (value | 0) === value : Number.isSafeInteger(value);
    if (!fits) return refuse(`${name}: ${value}, which is no ${kind}`);
    return view.setBigInt64(i * 8, BigInt(value), true);
  });
  return new Uint8Array(view.buffer);
}

/** The object whose 8-byte columns these are. */
export function decodeNumbers(columns: readonly Column[], bytes: Uint8Array): { [name: string]: number } {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  // Entries, not assignment: a column may be called __proto__.
  return Object.fromEntries(
    columns.map(({ name, kind }, i) => [
      name,
      kind === 'float64' ? view.getFloat64(i * 8, true) : Number(view.getBigInt64(i * 8, true)),
    ]),
  );
}
