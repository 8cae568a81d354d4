import { EngineError } from './errors.js';
import { MAX_NESTING } from './value-tags.js';

/** How much of a path a message shows. */
const MAX_PATH_CHARS = 200;

const CARRIED: readonly unknown[] = [
  null,
  Object.prototype,
  Array.prototype,
  Date.prototype,
  Uint8Array.prototype,
  Buffer.prototype,
];

/** Why `value` cannot become bytes: finds the first part that is refused and names the way to it. */
export function refusalOf(value: unknown, root = 'value'): EngineError {
  const found = find(value, root, 0) ?? `${root} changed while it was written`;
  return new EngineError('typeMismatch', `a value that leaves its task must be plain data; ${found}`);
}

function find(value: unknown, path: string, depth: number): string | undefined {
  if (typeof value === 'function')
    return `${shorten(path)} is a function: keep code in the job and emit what it returns`;
  if (typeof value === 'symbol') return `${shorten(path)} is a symbol: emit a string instead`;
  if (typeof value !== 'object' || value === null) return undefined;
  if (value instanceof Promise) {
    return `${shorten(path)} is a promise, and closures give their results at once: do what waits in foreachRDD or foreachPartition, which may be async`;
  }
  if (depth >= MAX_NESTING) {
    return `${shorten(path)} is nested more than ${MAX_NESTING} levels deep: emit a flatter value, and check that it does not contain itself`;
  }
  for (const [step, part] of partsOf(value)) {
    const found = find(part, path + step, depth + 1);
    if (found !== undefined) return found;
  }
  const prototype: unknown = Object.getPrototypeOf(value);
  if (CARRIED.includes(prototype) || prototype === Map.prototype || prototype === Set.prototype) return undefined;
  return `${shorten(path)} is ${describe(value)}: emit a plain object, array, Map, Set, Date or Uint8Array with its fields`;
}

/** The parts of a container that are written, each with its step in the path; nothing for what is no container. */
function partsOf(value: object): [step: string, part: unknown][] {
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype === Array.prototype) return (value as unknown[]).map((part, i) => [`[${i}]`, part]);
  if (prototype === Object.prototype || prototype === null) {
    return Object.entries(value).map(([name, part]) => [
      /^[\p{L}_$][\p{L}\d_$]*$/u.test(name) ? `.${name}` : `[${JSON.stringify(name)}]`,
      part,
    ]);
  }
  if (prototype === Map.prototype) {
    return [...(value as Map<unknown, unknown>)].flatMap(([key, part], i): [string, unknown][] => [
      [`.key(${i})`, key],
      [`.value(${i})`, part],
    ]);
  }
  if (prototype === Set.prototype) return [...(value as Set<unknown>)].map((part, i) => [`.item(${i})`, part]);
  return [];
}

function describe(value: object): string {
  const maker: unknown = (value as { readonly constructor?: unknown }).constructor;
  const name = typeof maker === 'function' ? maker.name : '';
  return name === '' ? 'an instance of a class' : `an instance of ${name}`;
}

function shorten(path: string): string {
  return path.length <= MAX_PATH_CHARS ? path : `${path.slice(0, MAX_PATH_CHARS)}...`;
}
