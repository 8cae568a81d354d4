/**
 * What leads to an operator, from its sources on: `events > where page = "p0" > runningAgg(user)`. By it an operator that
 * was given no id is found again in a checkpoint, whatever stands beside it in the job and in which order.
 */
import { createHash } from 'node:crypto';
import { formatExpr } from '../expr/format-expr.js';
import type { NodeId, Operation, PlanNode } from '../plan/node.js';

/** An operator whose id the job did not give. */
export interface DerivedOperator {
  readonly id: string;
  /** Without the number that tells it from its like. */
  readonly name: string;
  readonly path: string;
}

/** Longer ones end in a hash of themselves. */
const MAX_LENGTH = 160;

/** @param nodes by id, from the first on */
export function pathTo(nodes: readonly PlanNode[], parent: NodeId, name: string): string {
  const paths = new Map<NodeId, string>();
  // Parents come before their children.
  for (const { id, operation, dependencies } of nodes.slice(0, parent + 1)) {
    const parents = dependencies.map(dependency => paths.get(dependency.parent) ?? '');
    const before = parents.length > 1 ? `(${parents.join(' | ')})` : (parents[0] ?? '');
    paths.set(id, bounded(before === '' ? stepOf(operation) : `${before} > ${stepOf(operation)}`));
  }
  return bounded(`${paths.get(parent)} > ${name}`);
}

function stepOf(operation: Operation): string {
  switch (operation.kind) {
    case 'source':
      return operation.sourceId;
    case 'where':
      return `where ${formatExpr(operation.condition)}`;
    case 'project':
      return `select ${operation.columns.map(({ name, expr }) => `${name}: ${formatExpr(expr)}`).join(', ')}`;
    default:
      return operation.kind;
  }
}

function bounded(path: string): string {
  if (path.length <= MAX_LENGTH) return path;
  const hash = createHash('sha256').update(path).digest('hex').slice(0, 16);
  return `${path.slice(0, MAX_LENGTH - 21)} ... ${hash}`;
}
