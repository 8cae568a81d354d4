import { EngineError } from '../core/errors.js';
import type { Literal } from './expr-data.js';

/**
 * The constant, 0 for -0. A lone surrogate is refused because no UTF-8 text can equal it.
 *
 * @param user what wants it, for messages
 */
export function checkedLiteral<V>(value: V, user: string): V & Literal {
  const refuse = (cure: string): never => {
    throw new EngineError(
      'jobInvalid',
      `${user} wants a string, a finite number or a boolean, got ${show(value)}${cure}`,
    );
  };
  if (typeof value === 'string') {
    if (Buffer.from(value).toString() !== value) refuse(', which holds half of a surrogate pair');
    return value;
  }
  if (typeof value === 'boolean') return value;
  if (typeof value === 'number') {
    if (!Number.isFinite(value)) refuse('');
    return (value === 0 ? 0 : value) as V & Literal;
  }
  if (value === null || value === undefined) return refuse(`: nothing equals null, ask with col(...).isNull()`);
  return refuse(value instanceof Date ? ': use its getTime()' : '');
}

/** A value for messages. */
export function show(value: unknown): string {
  if (typeof value === 'string' || value === null) return JSON.stringify(value);
  if (typeof value === 'object')
    return Array.isArray(value) ? 'an array' : value instanceof Date ? 'a Date' : 'an object';
  return typeof value === 'function' ? 'a function' : `${String(value)}${typeof value === 'bigint' ? 'n' : ''}`;
}
