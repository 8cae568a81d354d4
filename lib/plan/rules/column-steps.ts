/**
 * Neighbouring filters and projections as one pass over a chunk, by rules that are applied until none changes anything:
 *
 *   where a, where b         where a and b: one selection of rows
 *   project p, where c       where c, project p: where c only reads columns that p takes over as they are, so that
 *                            nothing is computed for rows that are left out
 *   project p, project q     project q of p: where q reads what p computes once at the most
 *
 * An operation that calls functions of the job keeps its node, because it is by the node that they are found.
 */
import type { Column } from '../../core/schema.js';
import { andOf, columnsOf, hasUdf, substituted, type BoundExpr, type NamedExpr } from '../../expr/expr-data.js';
import type { NodeId, Operation, PlanNode } from '../node.js';

export type StepOperation = Extract<Operation, { readonly kind: 'where' | 'project' }>;

export interface ColumnStep {
  /** Whose operation it is, or the last of those that it is made of. */
  readonly node: NodeId;
  readonly label: string;
  readonly operation: StepOperation;
}

/** What comes before a step and the step, as other steps, or undefined where the rule has nothing to say. */
type Rule = (first: ColumnStep, second: ColumnStep) => readonly ColumnStep[] | undefined;

/** With what plans say when a rule was used. */
const RULES: readonly (readonly [what: string, rule: Rule])[] = [
  ['filters made one', mergeWheres],
  ['filter before projection', filterFirst],
  ['projections made one', mergeProjects],
];

export const isStep = (node: PlanNode): boolean => node.operation.kind === 'where' || node.operation.kind === 'project';

/** The step of a node that `isStep`. */
export const stepOf = (node: PlanNode): ColumnStep => ({
  node: node.id,
  label: node.label,
  operation: node.operation as StepOperation,
});

/** Steps that give the same rows. @param used is told which rules were used, once each time */
export function simplified(
  steps: readonly ColumnStep[],
  used: (what: string) => void = () => undefined,
): readonly ColumnStep[] {
  for (let i = 0; i + 1 < steps.length; i++) {
    const [first, second] = steps.slice(i, i + 2);
    if (first === undefined || second === undefined) continue;
    for (const [what, rule] of RULES) {
      const better = rule(first, second);
      if (better === undefined) continue;
      used(what);
      return simplified([...steps.slice(0, i), ...better, ...steps.slice(i + 2)], used);
    }
  }
  return steps;
}

/**
 * For each step the names that are read of what it gives.
 *
 * @param wanted those that are read of the last one; undefined = any
 */
export function wantedOf(
  steps: readonly ColumnStep[],
  wanted: readonly string[] | undefined,
): readonly (ReadonlySet<string> | undefined)[] {
  const all: (ReadonlySet<string> | undefined)[] = [];
  let needed: ReadonlySet<string> | undefined = wanted && new Set(wanted);
  for (const { operation } of steps.toReversed()) {
    all.push(needed);
    needed = neededBefore(operation, needed);
  }
  return all.toReversed();
}

function neededBefore(
  operation: StepOperation,
  after: ReadonlySet<string> | undefined,
): ReadonlySet<string> | undefined {
  if (operation.kind === 'where') return after && columnsOf(operation.condition, new Set(after));
  const names = new Set<string>();
  for (const { name, expr } of operation.columns) if (after?.has(name) ?? true) columnsOf(expr, names);
  return names;
}

/** The columns of a projection's rows. */
export const columnsOfProjection = (columns: readonly NamedExpr[]): readonly Column[] =>
  columns.map(({ name, expr: { kind, nullable } }) => ({ name, kind, nullable }));

function mergeWheres(first: ColumnStep, second: ColumnStep): readonly ColumnStep[] | undefined {
  const [a, b] = [first.operation, second.operation];
  if (a.kind !== 'where' || b.kind !== 'where') return undefined;
  if (hasUdf(a.condition) || hasUdf(b.condition)) return undefined;
  return [{ ...second, operation: { kind: 'where', condition: andOf(a.condition, b.condition) } }];
}

function filterFirst(first: ColumnStep, second: ColumnStep): readonly ColumnStep[] | undefined {
  const [p, c] = [first.operation, second.operation];
  if (p.kind !== 'project' || c.kind !== 'where') return undefined;
  const given = expressionsOf(p.columns);
  const isTakenOver = [...columnsOf(c.condition)].every(name => given.get(name)?.op === 'column');
  if (!isTakenOver) return undefined;
  return [{ ...second, operation: { kind: 'where', condition: substituted(c.condition, given) } }, first];
}

function mergeProjects(first: ColumnStep, second: ColumnStep): readonly ColumnStep[] | undefined {
  const [p, q] = [first.operation, second.operation];
  if (p.kind !== 'project' || q.kind !== 'project') return undefined;
  if ([...p.columns, ...q.columns].some(({ expr }) => hasUdf(expr))) return undefined;
  const given = expressionsOf(p.columns);
  const computed = [...given].filter(([, expr]) => expr.op === 'call').map(([name]) => name);
  const isOnce = computed.every(name => q.columns.reduce((sum, { expr }) => sum + timesRead(expr, name), 0) <= 1);
  if (!isOnce) return undefined;
  const columns = q.columns.map(({ name, expr }) => ({ name, expr: substituted(expr, given) }));
  return [{ ...second, operation: { kind: 'project', columns } }];
}

const expressionsOf = (columns: readonly NamedExpr[]): ReadonlyMap<string, BoundExpr> =>
  new Map(columns.map(({ name, expr }) => [name, expr]));

function timesRead(expr: BoundExpr, name: string): number {
  if (expr.op === 'column') return Number(expr.name === name);
  return expr.op === 'literal' ? 0 : expr.args.reduce((sum, arg) => sum + timesRead(arg, name), 0);
}
