import type { SortColumn } from '../columnar/sort-keys.js';
import { formatSchema } from '../core/schema.js';
import { describeWide } from '../columnar/wide/wide-aggregate.js';
import { formatExpr } from '../expr/format-expr.js';
import type { Dependency, Operation, PlanNode } from './node.js';
import { isShuffle, type CompiledPlan } from './stages.js';

/** The compiled plan as text, stage by stage: what tests of plans compare, and what a person reads. */
export function explain(compiled: CompiledPlan): string {
  return compiled.stages
    .map(stage => {
      const partitions =
        stage.numPartitions === undefined ? 'one partition a range' : `${stage.numPartitions} partitions`;
      const from = stage.parents.length > 0 ? `, after stage ${stage.parents.join(', ')}` : '';
      return [
        `stage ${stage.id} (${partitions}${from})`,
        ...stage.nodes.map(node => `  ${explainNode(node)}`),
        ...stage.writes.map(
          write =>
            `  node ${write.node} => shuffle ${write.shuffle.id} by ${explainMode(write.shuffle.mode)} into ${write.shuffle.numPartitions}`,
        ),
        ...stage.outputs.map(output => `  node ${output.parent} => output ${output.id}`),
      ].join('\n');
    })
    .join('\n');
}

export function explainNode(node: PlanNode): string {
  const from = node.dependencies.map(explainDependency).join(', ');
  const columns = node.columns ? ` [${formatSchema(node.columns)}]` : '';
  return `node ${node.id}: ${explainOperation(node.operation)}${from ? ` <- ${from}` : ''}${columns}`;
}

const explainDependency = (dependency: Dependency): string =>
  isShuffle(dependency) ? `shuffle ${dependency.shuffle.id}` : String(dependency.parent);

type Aggregates = Extract<Operation, { readonly kind: 'aggregate' | 'runningAggregate' }>;

export function explainOperation(operation: Operation): string {
  switch (operation.kind) {
    case 'source':
      return `source ${operation.sourceId}`;
    case 'where':
      return `where ${formatExpr(operation.condition)}`;
    case 'project':
      return `project ${operation.columns.map(({ name, expr }) => `${name}: ${formatExpr(expr)}`).join(', ')}`;
    case 'explode':
      return `explode ${operation.name}: split(${formatExpr(operation.text)}, ${JSON.stringify(operation.separator)})`;
    case 'joinTable':
      return `${operation.how} join '${operation.table}' on ${operation.on.map(({ column, tableColumn }) => `${column} = ${tableColumn}`).join(', ')}`;
    case 'orderRows':
      return `orderRows by ${explainOrder(operation.order)}${operation.limit === null ? '' : `, the first ${operation.limit}`}`;
    case 'firstOfKey':
      return `firstOfKey by ${operation.names.join(', ')}`;
    case 'aggregate':
      return `aggregate ${explainAggregates(operation)} by ${formatSchema(operation.keys)}`;
    case 'runningAggregate':
      return `runningAggregate '${operation.operatorId}' ${explainAggregates(operation)} by ${formatSchema(operation.keys)}`;
    case 'updateState':
      return `updateState '${operation.operatorId}'${operation.wholePartition ? ' by partition' : ''}`;
    case 'mapWithState':
      return `mapWithState '${operation.operatorId}'${operation.timeoutMs === null ? '' : `, timeout ${operation.timeoutMs} ms`}`;
    case 'window':
      return `window '${operation.operatorId}' of ${operation.content}, ${operation.windowMs} ms${operation.slideMs === null ? '' : ` every ${operation.slideMs} ms`}`;
    default:
      return operation.kind;
  }
}

function explainAggregates({ aggregates, wide = [] }: Aggregates): string {
  return [...aggregates.map(({ name }) => name), ...wide.map(describeWide)].join(', ');
}

const explainOrder = (order: readonly SortColumn[]): string =>
  order.map(({ column, descending }) => `${column}${descending ? ' descending' : ''}`).join(', ');

export function explainMode(mode: { readonly kind: string; readonly combine?: boolean }): string {
  return mode.combine ? `${mode.kind}, combined` : mode.kind;
}
