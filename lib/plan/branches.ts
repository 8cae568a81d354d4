import type { NodeId } from './node.js';
import { isShuffle, type Stage } from './stages.js';

/** Every way by which the rows of a stage's leaf come to one of its nodes: at each union on it, which of its streams. */
export function branchesTo(stage: Stage, id: NodeId): readonly (readonly number[])[] {
  if (id === stage.leaf.id) return [[]];
  const node = stage.nodes.find(candidate => candidate.id === id);
  if (node === undefined) return [];
  return node.dependencies.flatMap((dependency, stream) => {
    if (isShuffle(dependency)) return [];
    const ways = branchesTo(stage, dependency.parent);
    return node.operation.kind === 'union' ? ways.map(way => [stream, ...way]) : ways;
  });
}
