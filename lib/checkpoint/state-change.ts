/**
 * Decides whether state of one definition of an operator can become state of another, and how. What is not exactly told by
 * the names, the types and the job itself is refused: a state that is silently wrong costs more than a start that fails.
 */
import type { NumberFrom, StateChange, StateUpgrade } from '../core/state-change.js';
import type { OperatorInfo } from './manifest.js';
import { stateColumns, type StateColumnInfo } from './state-definition.js';

/** What becomes of the state. */
export type ChangeDecision =
  | { readonly fits: true; readonly change: StateChange | undefined; readonly notes: readonly string[] }
  /** Each reason on its own, with its cure. */
  | { readonly fits: false; readonly reasons: readonly string[] };

const DROP = 'or drop this state';

const refuse = (...reasons: string[]): ChangeDecision => ({ fits: false, reasons });
const same: ChangeDecision = { fits: true, change: undefined, notes: [] };

/** @param upgrade what the job says of earlier states of the operator */
export function decideChange(before: OperatorInfo, now: OperatorInfo, upgrade: StateUpgrade = {}): ChangeDecision {
  if (before.kind !== now.kind)
    return refuse(`it was ${before.kind} and is ${now.kind}: give the new operation another id, ${DROP}`);
  const keys = keyProblem(before.keys, now.keys, upgrade);
  if (keys !== undefined) return refuse(keys);
  const versions = [before.version ?? 0, now.version ?? 0] as const;
  if (versions[0] !== versions[1]) return migration(before, versions, upgrade);
  if (before.values === now.values && sameAggregates(before, now)) return same;
  const [from, to] = [stateColumns(before.values), stateColumns(now.values)];
  if (from === undefined || to === undefined) {
    return refuse(
      `its values were kept as (${before.values}) and are to be (${now.values}): give upgrade a version above ` +
        `${versions[0]} and a function migrate, ${DROP}`,
    );
  }
  return columnsChange(before, now, from, to, upgrade);
}

/** Keys are found by their bytes: these must stay as they are. Names are no part of them. */
function keyProblem(before: string, now: string, { renamed = {} }: StateUpgrade): string | undefined {
  if (before === now) return undefined;
  const [from, to] = [stateColumns(before), stateColumns(now)];
  const fits =
    from !== undefined &&
    to !== undefined &&
    from.length === to.length &&
    to.every(({ name, type }, i) => {
      const old = from[i];
      return type === old?.type && (nameBefore(name, renamed) === old.name || name === old.name);
    });
  if (fits) return undefined;
  const isRename =
    from !== undefined && to?.length === from.length && to.every(({ type }, i) => type === from[i]?.type);
  return isRename
    ? `its key columns have other names: if they hold the same, say so with upgrade: { renamed: { new: 'old' } }, ${DROP}`
    : `its key changed: equal keys would not be found again. Give the new operation another id, ${DROP}`;
}

function migration(
  before: OperatorInfo,
  [fromVersion, version]: readonly [number, number],
  { migrates = false }: StateUpgrade,
): ChangeDecision {
  if (version < fromVersion)
    return refuse(`its version was ${fromVersion} and is ${version}: keep version ${fromVersion} in upgrade, ${DROP}`);
  if (!migrates)
    return refuse(`its version was ${fromVersion} and is ${version}: give upgrade a function migrate, ${DROP}`);
  const columns = stateColumns(before.values);
  const from = columns?.flatMap(({ column }) => column ?? []) ?? null;
  const notes = [`its state of version ${fromVersion} becomes one of version ${version} by the job's migrate`];
  return { fits: true, change: { kind: 'migrate', from, fromVersion }, notes };
}

function columnsChange(
  before: OperatorInfo,
  now: OperatorInfo,
  from: readonly StateColumnInfo[],
  to: readonly StateColumnInfo[],
  { renamed = {}, removed = [], defaults = {} }: StateUpgrade,
): ChangeDecision {
  const isAggregate = now.kind === 'aggregate';
  const reasons: string[] = [];
  const notes: string[] = [];
  const taken = new Set<string>();
  const sources = to.map(column => {
    const oldName = nameBefore(column.name, renamed);
    // The name may stand in `renamed` since an earlier start, which has done it.
    const old = from.find(({ name }) => name === oldName) ?? from.find(({ name }) => name === column.name);
    if (old === undefined) {
      if (oldName !== column.name)
        reasons.push(
          `'${column.name}' is said to have been '${oldName}', which the state does not have: correct renamed`,
        );
      else if (isAggregate) notes.push(`'${column.name}' is new: keys that have a state begin it with nothing`);
      else if (defaults[column.name] === undefined)
        reasons.push(`'${column.name}' is new: give upgrade: { defaults: { ${column.name}: ... } }, ${DROP}`);
      return undefined;
    }
    taken.add(old.name);
    const problem = columnProblem(before, now, old, column);
    if (problem !== undefined) reasons.push(problem);
    return old;
  });
  for (const { name } of from) {
    if (taken.has(name) || removed.includes(name) || removed.includes(stemOf(name))) continue;
    reasons.push(
      `'${name}' is gone: say that with upgrade: { removed: ['${stemOf(name)}'] }, or with renamed what it is now`,
    );
  }
  if (reasons.length > 0) return refuse(...reasons);
  const places = [from.filter(({ column }) => column !== undefined), from.filter(({ column }) => column === undefined)];
  const [numbersBefore = [], wideBefore = []] = places;
  const numbers: NumberFrom[] = [];
  const wide: (number | null)[] = [];
  to.forEach(({ name, column }, i) => {
    const old = sources[i];
    if (column === undefined) wide.push(old === undefined ? null : wideBefore.indexOf(old));
    else if (old !== undefined) {
      const toFloat64 = column.kind === 'float64' && old.column?.kind !== 'float64';
      numbers.push({ index: numbersBefore.indexOf(old), toFloat64 });
    } else numbers.push(isAggregate ? 'empty' : { value: defaults[name] ?? 0, isFloat: column.kind === 'float64' });
  });
  const change: StateChange = {
    kind: 'columns',
    from: numbersBefore.flatMap(({ column }) => column ?? []),
    fromWide: wideBefore.length,
    numbers,
    wide,
  };
  return { fits: true, change, notes };
}

function columnProblem(
  before: OperatorInfo,
  now: OperatorInfo,
  old: StateColumnInfo,
  column: StateColumnInfo,
): string | undefined {
  const shown = old.name === column.name ? `'${column.name}'` : `'${column.name}' (before: '${old.name}')`;
  const [meant, means] = [ownEntry(before.aggregates, old.name), ownEntry(now.aggregates, column.name)];
  if (meant !== undefined && means !== undefined && meant !== means)
    return `${shown} was ${meant} and is ${means}: give the new one another name and say removed: ['${stemOf(old.name)}'], ${DROP}`;
  if (old.type === column.type || WIDER[old.type]?.includes(column.type) === true) return undefined;
  return `${shown} was ${old.type} and is ${column.type}, which not every value of it fits: keep the type, ${DROP}`;
}

/** Types that have room for every value, but for integers beyond 2^53, which are refused when they are met. */
const WIDER: { readonly [type: string]: readonly string[] | undefined } = {
  int32: ['int64', 'float64'],
  int64: ['float64'],
};

/** An average keeps two columns, which go by its name. */
const PART = / (sum|count)$/;
const stemOf = (name: string): string => name.replace(PART, '');

function nameBefore(name: string, renamed: { readonly [name: string]: string }): string {
  const whole = ownEntry(renamed, name);
  if (whole !== undefined) return whole;
  const stem = ownEntry(renamed, stemOf(name));
  return stem === undefined ? name : `${stem}${PART.exec(name)?.[0] ?? ''}`;
}

function ownEntry(entries: { readonly [name: string]: string } | undefined, name: string): string | undefined {
  return entries !== undefined && Object.hasOwn(entries, name) ? entries[name] : undefined;
}

/** Without them nothing is known of what was meant. The order does not count. */
function sameAggregates({ aggregates: a }: OperatorInfo, { aggregates: b }: OperatorInfo): boolean {
  if (a === undefined || b === undefined) return true;
  return Object.keys(b).every(name => ownEntry(a, name) === ownEntry(b, name));
}
