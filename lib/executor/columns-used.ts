import { columnsOf } from '../expr/expr-data.js';
import { isShuffle, type Stage } from '../plan/stages.js';
import type { PlanNode } from '../plan/node.js';
import type { Predicate } from '../columnar/predicate.js';

/**
 * Columns of a node that what hangs on it in the stage reads, each once; undefined where a closure or an output may look
 * at any. Of a source, only these are decoded; of a projection, only these are computed.
 */
export function columnsUsed(stage: Stage, node: PlanNode): readonly string[] | undefined {
  const names = new Set<string>();
  return node.columns !== undefined && collect(stage, node, names) ? [...names] : undefined;
}

/** @returns false where any column may be read */
function collect(stage: Stage, node: PlanNode, names: Set<string>): boolean {
  if (stage.outputs.some(output => output.parent === node.id)) return false;
  for (const write of stage.writes) {
    if (write.node !== node.id) continue;
    const { mode } = write.shuffle;
    if (mode.kind !== 'groups') return false;
    for (const index of mode.keys) names.add(node.columns?.[index]?.name ?? '');
    for (const { column, filter } of [...mode.aggregates, ...(mode.wide ?? [])]) {
      if (column !== undefined) names.add(column);
      if (filter !== undefined) for (const name of predicateColumns(filter)) names.add(name);
    }
  }
  return stage.nodes.every(child => {
    if (child.id === stage.leaf.id) return true;
    const hangsOn = child.dependencies.some(dependency => !isShuffle(dependency) && dependency.parent === node.id);
    return !hangsOn || collectOf(stage, child, names);
  });
}

/** What a narrow operation reads of the node before it. */
function collectOf(stage: Stage, child: PlanNode, names: Set<string>): boolean {
  const { operation } = child;
  switch (operation.kind) {
    case 'union':
      return child.columns !== undefined && collect(stage, child, names);
    case 'where':
      columnsOf(operation.condition, names);
      return collect(stage, child, names);
    case 'orderRows':
      for (const { column } of operation.order) names.add(column);
      return collect(stage, child, names);
    case 'firstOfKey':
      for (const name of operation.names) names.add(name);
      return collect(stage, child, names);
    case 'project': {
      const wanted = columnsUsed(stage, child);
      for (const { name, expr } of operation.columns) if (wanted?.includes(name) ?? true) columnsOf(expr, names);
      return true;
    }
    case 'joinTable': {
      const wanted = columnsUsed(stage, child);
      if (wanted === undefined) return false;
      for (const name of wanted) if (!operation.added.some(added => added.name === name)) names.add(name);
      for (const { column } of operation.on) names.add(column);
      return true;
    }
    case 'explode': {
      const wanted = columnsUsed(stage, child);
      if (wanted === undefined) return false;
      for (const name of wanted) if (name !== operation.name) names.add(name);
      columnsOf(operation.text, names);
      return true;
    }
    default:
      return false;
  }
}

/** Names of the columns that a predicate reads. */
export function predicateColumns(predicate: Predicate): readonly string[] {
  switch (predicate.op) {
    case 'and':
    case 'or':
      return [...predicateColumns(predicate.left), ...predicateColumns(predicate.right)];
    case 'not':
      return predicateColumns(predicate.input);
    default:
      return [predicate.column];
  }
}
