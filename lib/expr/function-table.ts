import { keyBytes } from '../core/value-key.js';
import { hashBytes } from '../core/hash.js';
import { compareFunctions } from './compare-functions.js';
import type { BoundCall, FunctionName, StrictFunction, Value } from './expr-data.js';
import type { Apply, FunctionRule } from './function-rule.js';
import { numberFunctions } from './number-functions.js';
import { textFunctions } from './text-functions.js';
import { timeFunctions } from './time-functions.js';

/** Every strict function, by name. */
export const STRICT: Readonly<Record<StrictFunction, FunctionRule>> = {
  ...numberFunctions,
  ...compareFunctions,
  ...textFunctions,
  ...timeFunctions,
};

export const isStrict = (fn: FunctionName): fn is StrictFunction => Object.hasOwn(STRICT, fn);

const made = new WeakMap<BoundCall, Apply>();

/** The function of a call of a strict function, made once a call. */
export function applyOf(call: BoundCall, fn: StrictFunction): Apply {
  let apply = made.get(call);
  if (apply === undefined) made.set(call, (apply = STRICT[fn].make(call)));
  return apply;
}

/** The hash of values as the key of a pair: by it they go to partitions. */
export function hashOf(values: readonly Value[]): number {
  const bytes = keyBytes(values.length === 1 ? values[0] : values);
  return hashBytes(bytes, 0, bytes.length);
}
