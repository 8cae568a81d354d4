import { inspect } from 'node:util';

/** A key for messages, whatever it is: strings in double quotes, long ones cut. */
export function describeKey(key: unknown): string {
  const text = typeof key === 'string' ? JSON.stringify(key) : inspect(key, { depth: 2, breakLength: Infinity });
  return text.length > 80 ? `${text.slice(0, 80)}...` : text;
}
