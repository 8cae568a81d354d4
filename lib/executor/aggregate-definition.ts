/**
 * What each running aggregate means, as one line: `sum(size) where action = "click"`. Two aggregates whose lines differ
 * do not count the same thing, even where their states look alike; checkpoints keep the lines to tell them apart.
 */
import type { Predicate } from '../columnar/predicate.js';
import type { BoundExpr } from '../expr/expr-data.js';
import { formatExpr, formatPredicate } from '../expr/format-expr.js';
import type { AggregateColumn, Plan, PlanNode, WideAggregate } from '../plan/node.js';

/**
 * By the name of the aggregate, in the order of the state's columns. Whether a sum is one of integers is not in it: the
 * column says so. Functions of the job are shown as `udf(...)`: what they do is not compared.
 */
export function aggregateDefinitions(plan: Plan, node: PlanNode): { readonly [name: string]: string } {
  const { operation } = node;
  if (operation.kind !== 'runningAggregate') return {};
  const computed = computedBefore(plan, node);
  const all: readonly (AggregateColumn | WideAggregate)[] = [...operation.aggregates, ...(operation.wide ?? [])];
  return Object.fromEntries(all.map(aggregate => [aggregate.name, definitionOf(aggregate, computed)]));
}

function definitionOf(aggregate: AggregateColumn | WideAggregate, computed: ReadonlyMap<string, BoundExpr>): string {
  const { column, filter } = aggregate;
  const probability = 'probability' in aggregate ? `, ${aggregate.probability}` : '';
  const kind = aggregate.kind.replace(/(Int64|Float64)$/, '');
  const expr = column === undefined ? undefined : computed.get(column);
  const input = column === undefined ? '1' : expr === undefined ? column : formatExpr(expr);
  const condition = filter === undefined ? '' : ` where ${conditionText(filter, computed)}`;
  return `${kind}(${input}${probability})${condition}`;
}

/** Columns that were made for an aggregate have names that follow it: what they are made of stands in their place. */
function conditionText(filter: Predicate, computed: ReadonlyMap<string, BoundExpr>): string {
  let text = formatPredicate(filter);
  for (const name of columnsOf(filter)) {
    const expr = computed.get(name);
    if (expr !== undefined) text = text.replaceAll(JSON.stringify(name), `(${formatExpr(expr)})`);
  }
  return text;
}

function columnsOf(predicate: Predicate): readonly string[] {
  switch (predicate.op) {
    case 'and':
    case 'or':
      return [...columnsOf(predicate.left), ...columnsOf(predicate.right)];
    case 'not':
      return columnsOf(predicate.input);
    default:
      return [predicate.column];
  }
}

/** As `bindAggregates` names them. */
const COMPUTED = / (input|condition)( \d+)?$/;

function computedBefore({ nodes }: Plan, { dependencies }: PlanNode): ReadonlyMap<string, BoundExpr> {
  const parent = nodes.find(({ id }) => id === dependencies[0]?.parent);
  const columns = parent?.operation.kind === 'project' ? parent.operation.columns : [];
  return new Map(columns.flatMap(({ name, expr }) => (COMPUTED.test(name) ? [[name, expr] as const] : [])));
}
