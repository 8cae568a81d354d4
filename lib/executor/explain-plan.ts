/**
 * A job's plan as text for people: what it asks for, and what a batch runs. Which columns a source decodes, which
 * operations became one pass and what tests a filter is known here, where it is decided.
 */
import { formatSchema } from '../core/schema.js';
import type { BoundExpr } from '../expr/expr-data.js';
import { formatExpr, formatPredicate } from '../expr/format-expr.js';
import { splitCondition } from '../expr/split-condition.js';
import { explainMode, explainNode, explainOperation } from '../plan/explain.js';
import type { NodeId, PlanNode } from '../plan/node.js';
import { isStep } from '../plan/rules/column-steps.js';
import { isShuffle, type CompiledPlan, type Stage } from '../plan/stages.js';
import { chainFrom, type ColumnChain } from './column-chains.js';
import { isColumnOperation } from './column-operators.js';
import { columnsUsed } from './columns-used.js';

type Step = ColumnChain['steps'][number];

export function explainPlan(compiled: CompiledPlan): string {
  const { plan, stages } = compiled;
  const numbered = plan.nodes.map(node => `  ${explainNode(node)}${placeOf(node.label)}`);
  const outputs = plan.outputs.map(({ id, parent, label }) => `  output ${id} <- ${parent}${placeOf(label)}`);
  const needed = stages.filter(({ isNeeded }) => isNeeded);
  return ['plan', ...numbered, ...outputs, '', 'stages', ...needed.flatMap(stageLines), ''].join('\n');
}

/** ` at jobs/x.ts:12`, where the label has it. */
const placeOf = (label: string): string => {
  const at = label.indexOf(' at ');
  return at < 0 ? '' : `  ${label.slice(at + 1)}`;
};

function stageLines(stage: Stage): readonly string[] {
  const { numPartitions, parents, writes, outputs } = stage;
  const tasks =
    numPartitions === undefined
      ? 'a task for each range of input'
      : `${numPartitions} ${numPartitions === 1 ? 'task' : 'tasks'}`;
  const after = parents.length === 0 ? '' : `, after stage ${parents.join(', ')}`;
  return [
    `  stage ${stage.id}: ${tasks}${after}`,
    ...leafLines(stage),
    ...nodeLines(stage),
    ...writes.map(
      ({ node, shuffle: { id, mode, numPartitions: partitions } }) =>
        `    node ${node} => ${id}: by ${explainMode(mode)}, ${partitions} ${partitions === 1 ? 'partition' : 'partitions'}`,
    ),
    ...outputs.map(({ id, parent }) => `    node ${parent} => output ${id}`),
  ];
}

function leafLines(stage: Stage): readonly string[] {
  const { leaf } = stage;
  const line = `    node ${leaf.id}: ${explainOperation(leaf.operation)}`;
  const reads = leaf.dependencies.filter(isShuffle).map(({ shuffle }) => shuffle.id);
  if (reads.length > 0) return [`${line} of ${reads.join(', ')}`];
  return leaf.operation.kind === 'source' ? [line, `      ${decoded(stage)}`] : [line];
}

function decoded(stage: Stage): string {
  const { columns } = stage.leaf;
  if (columns === undefined) return 'rows without declared columns';
  const used = columnsUsed(stage, stage.leaf);
  if (used === undefined || used.length === columns.length) return `decodes all columns: ${formatSchema(columns)}`;
  const [decoded, left] = [true, false].map(isUsed => columns.filter(({ name }) => used.includes(name) === isUsed));
  const names = (decoded ?? []).map(({ name }) => name).join(', ');
  return `decodes ${names === '' ? 'no column' : names}; checks and leaves ${(left ?? []).map(({ name }) => name).join(', ')}`;
}

function nodeLines(stage: Stage): readonly string[] {
  const inPass = new Set<NodeId>();
  return stage.nodes.flatMap(node => {
    if (node.id === stage.leaf.id || inPass.has(node.id)) return [];
    if (!isStep(node)) return [`    node ${node.id}: ${explainOperation(node.operation)}${formOf(node)}`];
    const chain = chainFrom(stage, node);
    for (const { id } of chain.nodes) inPass.add(id);
    return passLines(chain);
  });
}

const CLOSURES: readonly string[] = ['map', 'filter', 'flatMap', 'mapValues', 'flatMapValues', 'mapPartitions'];

function formOf(node: PlanNode): string {
  if (isColumnOperation(node)) return node.operation.kind === 'toColumns' ? ' (rows become columns)' : ' (columns)';
  return CLOSURES.includes(node.operation.kind) ? ' (closure, over rows)' : '';
}

function passLines({ nodes, steps, rules }: ColumnChain): readonly string[] {
  const ids = nodes.map(({ id }) => id).join(', ');
  const counted = [...new Set(rules)].map(what => {
    const times = rules.filter(rule => rule === what).length;
    return times === 1 ? what : `${what} ${times} times`;
  });
  const title = `    ${nodes.length === 1 ? 'node' : 'nodes'} ${ids}: one pass over columns`;
  return [`${title}${counted.length === 0 ? '' : `; ${counted.join(', ')}`}`, ...steps.flatMap(stepLines)];
}

function stepLines({ operation, wanted }: Step): readonly string[] {
  if (operation.kind === 'where') return whereLines(operation.condition);
  const computed = operation.columns.filter(({ name }) => wanted?.has(name) ?? true);
  const line = `      project ${computed.map(({ name, expr }) => `${name}: ${formatExpr(expr)}`).join(', ')}`;
  const left = operation.columns.length - computed.length;
  return [left === 0 ? line : `${line}; nobody reads ${left} more`];
}

function whereLines(condition: BoundExpr): readonly string[] {
  const { predicate, text, rest } = splitCondition(condition);
  const parts = [
    ...(predicate === undefined ? [] : [`${formatPredicate(predicate)}  (kernels, over columns)`]),
    ...(text === undefined ? [] : [`${formatExpr(text.condition)}  (kernels, over texts)`]),
    ...(rest === undefined ? [] : [`${formatExpr(rest)}  (loop, row by row)`]),
  ];
  return parts.map((part, i) => `      ${i === 0 ? 'where' : 'and'} ${part}`);
}
