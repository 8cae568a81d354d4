/**
 * What the closures of a batch's own functions hold from around them. A closure runs in workers, where the variables it
 * refers to are those of the worker's copy of the job: one that changed in the driver, or in one worker, would silently
 * give other results there. So driver and workers compare what these variables hold, as far as it is plain data.
 *
 * The values are read through the inspector, which every Node has; where it is missing nothing is compared.
 */
import { createRequire } from 'node:module';
import { inspect } from 'node:util';
import { EngineError } from '../core/errors.js';
import { hashBytes } from '../core/hash.js';
import { encodeValue } from '../core/value-codec.js';
import type { UserFunction } from './closures.js';
import { freeNames } from './free-names.js';

/** One variable that a closure refers to. */
export interface CapturedVariable {
  readonly name: string;
  /** Differs when the value does. */
  readonly digest: number;
  /** The value for messages, cut. */
  readonly shown: string;
}

/** A variable with the label of the node whose closure refers to it. */
export interface Captured extends CapturedVariable {
  readonly label: string;
}

/**
 * Throws `planMismatch` naming the first variable that is not the same in the driver and here.
 *
 * @param where the functions that made the closures, for the message
 */
export function requireSameCaptured(driver: readonly Captured[], here: readonly Captured[], where: string): void {
  here.forEach((own, i) => {
    const there = driver[i];
    if (there === undefined || there.name !== own.name || there.digest === own.digest) return;
    throw new EngineError(
      'planMismatch',
      `variable '${own.name}', which the closure of ${own.label} uses, holds ${own.shown} in a worker and ${there.shown} in the driver (${where}). ` +
        'A worker has variables of its own: what changes while the job runs, or differs from thread to thread, is given to closures by ssc.broadcast(value)',
    );
  });
}

/** Functions looked into for one closure: itself and those that it refers to. */
const MAX_FUNCTIONS = 16;
/** Larger collections are compared by their size. */
const MAX_ENTRIES = 1000;

/** Texts of functions that refer to no variable that could be compared. */
const pure = new Set<string>();

/** The variables that `f`, and functions it refers to, take from around them, as far as they hold plain data. */
export function capturedVariables(f: UserFunction): readonly CapturedVariable[] {
  const found = new Map<string, CapturedVariable>();
  const queue: UserFunction[] = [f];
  const seen = new Set<UserFunction>(queue);
  for (const next of queue) {
    if (seen.size > MAX_FUNCTIONS) break;
    for (const [name, value] of variablesOf(next)) {
      if (typeof value === 'function') {
        if (!seen.has(value as UserFunction)) queue.push(value as UserFunction);
        seen.add(value as UserFunction);
        continue;
      }
      const digest = digestOf(value);
      if (digest !== undefined) found.set(name, { name, digest, shown: show(value) });
    }
  }
  return [...found.values()];
}

function variablesOf(f: UserFunction): readonly (readonly [string, unknown])[] {
  const text = f.toString();
  if (pure.has(text)) return [];
  const names = freeNames(text);
  const variables: (readonly [string, unknown])[] = [];
  if (names.length > 0) {
    const scopes = scopesOf(f);
    for (const name of names) {
      const scope = scopes.find(candidate => Object.hasOwn(candidate, name));
      if (scope !== undefined) variables.push([name, readSafely(scope, name)]);
    }
  }
  const isPure = variables.every(([, value]) => typeof value !== 'function' && digestOf(value) === undefined);
  if (isPure) pure.add(text);
  return variables;
}

function readSafely(scope: object, name: string): unknown {
  try {
    return (scope as { readonly [name: string]: unknown })[name];
  } catch {
    // Declared and not initialised yet.
    return undefined;
  }
}

/** Undefined for what is not plain data. */
function digestOf(value: unknown): number | undefined {
  try {
    const bytes = encodeValue(sizeOf(value) > MAX_ENTRIES ? sizeOf(value) : value);
    return hashBytes(bytes, 0, bytes.length);
  } catch {
    return undefined;
  }
}

function sizeOf(value: unknown): number {
  if (Array.isArray(value) || value instanceof Uint8Array) return value.length;
  if (value instanceof Map || value instanceof Set) return value.size;
  return typeof value === 'object' && value !== null ? Object.keys(value).length : 0;
}

function show(value: unknown): string {
  const text = inspect(value, { depth: 1, breakLength: Infinity, maxArrayLength: 5, maxStringLength: 40 });
  return text.length > 60 ? `${text.slice(0, 60)}...` : text;
}

/** The calls of the inspector that are used here. */
interface InspectorSession {
  connect(): void;
  post(method: string, params: object, done: (error: Error | null, result: unknown) => void): void;
}

interface RemoteProperty {
  readonly name: string;
  readonly value?: { readonly objectId?: string; readonly description?: string };
}

/** Where the two sides of a call of the inspector meet: it knows objects of this thread by name only. */
const MEETING_PLACE = '__sluiceCaptured';
type Meeting = { f?: UserFunction; take?: (scope: object) => void };

let session: InspectorSession | null | undefined;

function connect(): InspectorSession | null {
  try {
    const { Session } = createRequire(import.meta.url)('node:inspector') as { Session: new () => InspectorSession };
    const made = new Session();
    made.connect();
    return made;
  } catch {
    return null;
  }
}

/** The scopes in which a function was made, innermost first, without the global one. */
function scopesOf(f: UserFunction): readonly object[] {
  session ??= connect();
  if (session === null) return [];
  const meeting: Meeting = { f };
  const scopes: object[] = [];
  Object.defineProperty(globalThis, MEETING_PLACE, { value: meeting, configurable: true, enumerable: false });
  try {
    const objectGroup = MEETING_PLACE;
    const { result } = post(session, 'Runtime.evaluate', { expression: `${MEETING_PLACE}.f`, objectGroup }) as {
      readonly result: { readonly objectId: string };
    };
    const { internalProperties } = propertiesOf(session, result.objectId);
    const list = internalProperties?.find(({ name }) => name === '[[Scopes]]')?.value?.objectId;
    if (list === undefined) return [];
    meeting.take = scope => scopes.push(variablesIn(scope));
    for (const { value } of propertiesOf(session, list).result) {
      if (value?.objectId === undefined || /^(?:Global|Script)/.test(value.description ?? '')) continue;
      const functionDeclaration = `function () { ${MEETING_PLACE}.take(this); }`;
      post(session, 'Runtime.callFunctionOn', { objectId: value.objectId, functionDeclaration });
    }
    post(session, 'Runtime.releaseObjectGroup', { objectGroup });
  } finally {
    Reflect.deleteProperty(globalThis, MEETING_PLACE);
  }
  return scopes;
}

/** An entry of the list of scopes is `{ description, object }`; the object has the variables. */
function variablesIn(entry: object): object {
  const { description, object } = entry as { readonly description?: unknown; readonly object?: unknown };
  const isEntry = typeof description === 'string' && typeof object === 'object' && Object.keys(entry).length === 2;
  return isEntry ? (object ?? {}) : entry;
}

const propertiesOf = (to: InspectorSession, objectId: string) =>
  post(to, 'Runtime.getProperties', { objectId, ownProperties: true }) as {
    readonly result: readonly RemoteProperty[];
    readonly internalProperties?: readonly RemoteProperty[];
  };

/** The inspector answers before `post` returns: it runs in this thread. */
function post(to: InspectorSession, method: string, params: object): unknown {
  let answer: unknown;
  to.post(method, params, (error, result) => {
    if (error !== null) throw error;
    answer = result;
  });
  return answer;
}
