/** updateStateByPartition: one call of the function for all keys of a partition that have a state or new values. */
import { sameBytes } from '../core/bytes.js';
import { describeKey } from '../core/describe-key.js';
import { EngineError } from '../core/errors.js';
import { hashBytes } from '../core/hash.js';
import { decodeValue } from '../core/value-codec.js';
import { keyBytes, keyOf, keyOfEncoded, type KeyIdentity } from '../core/value-key.js';
import type { StateValue } from '../plan/node.js';
import type { BlockRef } from '../protocol/messages.js';
import { DeltaBuilder, type DeltaBlock } from '../state/delta.js';
import type { StateTable } from '../state/state-table.js';
import { cogroupPairs, emitRows } from './leaves.js';
import type { Emit } from './row-operators.js';
import { decoderOf, encoderOf } from './state-leaves.js';
import type { TaskContext } from './task-context.js';

type Entry = [key: unknown, values: unknown[], state: unknown];

/** A key that the function is given. */
interface Given {
  readonly key: unknown;
  /** What the table has, a view. */
  readonly stored: { readonly key: Uint8Array; readonly value: Uint8Array } | undefined;
  isLeft: boolean;
}

/** Keys that the function gives back without a state, or not at all, are forgotten. Throws `typeMismatch` for one that it was not given, or gives twice. */
export function updatePartition(
  ctx: TaskContext,
  table: StateTable,
  blocks: readonly BlockRef[],
  value: StateValue,
  f: (entries: IterableIterator<Entry>, time: number) => Iterable<readonly [unknown, unknown]>,
  label: string,
  emit: Emit,
): DeltaBlock | undefined {
  const encode = encoderOf(value, label);
  const decode = decoderOf(value);
  const given = new Map<KeyIdentity, Given>();
  const delta = new DeltaBuilder(ctx.memory, table.valueBytes);
  const rows: unknown[] = [];
  const entries = entriesOf(ctx, table, blocks, decode, given);
  // Without `return`: a function that stops looking must not end what is looked at below.
  const handed: IterableIterator<Entry> = { next: () => entries.next(), [Symbol.iterator]: () => handed };
  ctx.label = label;
  for (const [key, state] of f(handed, ctx.request.time)) {
    if (state === undefined) continue;
    const entry = given.get(keyOf(key));
    if (entry === undefined || entry.isLeft) throw refuse(key, entry === undefined);
    entry.isLeft = true;
    const { stored } = entry;
    const bytes = encode(state);
    if (stored === undefined || !sameBytes(bytes, stored.value)) put(delta, stored?.key ?? keyBytes(entry.key), bytes);
    rows.push([entry.key, state]);
  }
  // What the function did not ask for is forgotten like what it did not give back.
  for (const _ of handed) continue;
  for (const { stored, isLeft } of given.values()) {
    if (stored !== undefined && !isLeft) delta.remove(stored.key, hashBytes(stored.key, 0, stored.key.length));
  }
  const built = delta.finish();
  emitRows(rows, emit);
  if (built.numChanged + built.numRemoved > 0) return built;
  ctx.memory.free(built.address);
  return undefined;
}

/** Every key with its new values and its state: those of the table, then those that are new. */
function* entriesOf(
  ctx: TaskContext,
  table: StateTable,
  blocks: readonly BlockRef[],
  decode: (bytes: Uint8Array) => unknown,
  given: Map<KeyIdentity, Given>,
): IterableIterator<Entry> {
  const groups = cogroupPairs(ctx, [blocks]);
  for (const stored of table.entries()) {
    const key = decodeValue(stored.key);
    const identity = keyOfEncoded(key, stored.key, 0, stored.key.length);
    const values = groups.get(identity)?.[1][0] ?? [];
    groups.delete(identity);
    given.set(identity, { key, stored, isLeft: false });
    yield [key, values, decode(stored.value)];
  }
  for (const [identity, [key, [values]]] of groups) {
    given.set(identity, { key, stored: undefined, isLeft: false });
    yield [key, values ?? [], undefined];
  }
}

const put = (delta: DeltaBuilder, key: Uint8Array, value: Uint8Array): void =>
  delta.put(key, hashBytes(key, 0, key.length), value);

function refuse(key: unknown, isForeign: boolean): EngineError {
  const found = isForeign ? 'one that it was not given yet' : 'it twice';
  return new EngineError(
    'typeMismatch',
    `the function of updateStateByPartition wants to give back each key that it is given once at the most, gave ${found}: ` +
      `${describeKey(key)}. Map keys after it, not in it`,
  );
}
