/** What two states have not in common: two checkpoints, or one at two batches. */
import { loadArrow } from '../../columnar/arrow.js';
import { sameBytes } from '../../core/bytes.js';
import type { Json } from '../../core/json.js';
import { describeOperator } from '../../checkpoint/match-operators.js';
import { decoderOf } from './operator-decoder.js';
import { entriesOfPass, isVariable, passesFor, type StateEntry } from './operator-state.js';
import type { LoadedState } from './loaded-state.js';
import { positionText, sourcePositions } from './source-positions.js';

export interface KeyDifference {
  readonly change: 'added' | 'removed' | 'changed';
  readonly key: Json;
  readonly from: Json;
  readonly to: Json;
}

export interface OperatorDifference {
  readonly id: string;
  /** What it is on each side; undefined where it is not there. */
  readonly from: string | undefined;
  readonly to: string | undefined;
  readonly numKeys: readonly [number, number];
  readonly added: number;
  readonly removed: number;
  readonly changed: number;
  /** The first of them, not all. */
  readonly examples: readonly KeyDifference[];
}

export interface StateDifference {
  readonly sources: readonly {
    readonly id: string;
    readonly from: string | undefined;
    readonly to: string | undefined;
  }[];
  readonly operators: readonly OperatorDifference[];
  readonly isSame: boolean;
}

/** Operators belong together by id. @param limit keys of each operator that are shown Throws `checkpointCorrupt`. */
export async function diffStates(a: LoadedState, b: LoadedState, limit: number): Promise<StateDifference> {
  await loadArrow();
  const sides = [new Map(sourcePositions(a)), new Map(sourcePositions(b))] as const;
  const sources = [...new Set([...sides[0].keys(), ...sides[1].keys()])].toSorted().map(id => {
    const [from, to] = sides.map(side => {
      const position = side.get(id);
      return position === undefined ? undefined : positionText(position, Infinity);
    });
    return { id, from, to };
  });
  const ids = new Set([...a.operators, ...b.operators].map(({ id }) => id));
  const operators: OperatorDifference[] = [];
  for (const id of ids) operators.push(await diffOperator(a, b, id, limit));
  const moved = sources.filter(({ from, to }) => from !== to);
  const isSame = moved.length === 0 && operators.every(isSameOperator);
  return { sources: moved, operators, isSame };
}

export const isSameOperator = ({ from, to, added, removed, changed }: OperatorDifference): boolean =>
  from === to && added + removed + changed === 0;

async function diffOperator(a: LoadedState, b: LoadedState, id: string, limit: number): Promise<OperatorDifference> {
  const [from, to] = [a, b].map(state => state.operators.find(operator => operator.id === id));
  const decoders = [
    from && decoderOf(from, (await isVariable(a, id)) ?? false),
    to && decoderOf(to, (await isVariable(b, id)) ?? false),
  ] as const;
  const counts = { added: 0, removed: 0, changed: 0 };
  const numKeys: [number, number] = [0, 0];
  const examples: KeyDifference[] = [];
  const tell = (change: KeyDifference['change'], old: StateEntry | undefined, now: StateEntry | undefined): void => {
    counts[change]++;
    if (examples.length >= limit) return;
    const show = (decoder: (typeof decoders)[0], entry: StateEntry | undefined): Json => {
      if (decoder === undefined || entry === undefined) return null;
      const values = decoder.value(entry.values);
      return values.length === 1
        ? (values[0] ?? null)
        : Object.fromEntries(decoder.valueColumns.map(({ name }, i) => [name, values[i] ?? null]));
    };
    const key = (now === undefined ? decoders[0] : decoders[1])?.key((now ?? old)?.key ?? new Uint8Array(0)) ?? [];
    const shownKey = key.length === 1 ? (key[0] ?? null) : key;
    examples.push({ change, key: shownKey, from: show(decoders[0], old), to: show(decoders[1], now) });
  };
  const numPasses = passesFor([a, b], id);
  for (let pass = 0; pass < numPasses; pass++) {
    const before = await entriesOfPass(a, id, pass, numPasses);
    const after = await entriesOfPass(b, id, pass, numPasses);
    numKeys[0] += before.size;
    numKeys[1] += after.size;
    for (const [name, old] of before) {
      const now = after.get(name);
      if (now === undefined) tell('removed', old, undefined);
      else if (!sameValues(old, now)) tell('changed', old, now);
    }
    for (const [name, now] of after) if (!before.has(name)) tell('added', undefined, now);
  }
  const described = [from, to].map(operator => operator && describeOperator(operator));
  return { id, from: described[0], to: described[1], numKeys, ...counts, examples };
}

const sameValues = ({ values: a }: StateEntry, { values: b }: StateEntry): boolean =>
  a.length === b.length &&
  a.every((value, i) => {
    const other = b[i];
    return value instanceof Uint8Array && other instanceof Uint8Array
      ? sameBytes(value, other)
      : Object.is(value, other);
  });
