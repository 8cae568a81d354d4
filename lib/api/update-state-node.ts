/** updateStateByKey as a plan node, in the form for each key and in the form for each partition. */
import type { NodeId, Shuffle, StateValue } from '../plan/node.js';
import { declareInitialState } from './initial-state.js';
import { declaredUpgrade } from './state-upgrade.js';
import type { StreamGraph, UserFunction } from './stream-graph.js';
import { requireNumbers, type UpdateStateOptions } from './stream-options.js';

export interface UpdateStateRequest<K, S> {
  readonly parent: NodeId;
  readonly f: UserFunction;
  /** Whether `f` takes all keys of a partition at once. */
  readonly wholePartition: boolean;
  readonly options: UpdateStateOptions<S, K>;
  readonly shuffle: (numPartitions: number | undefined) => Shuffle;
}

export function addUpdateStateNode<K, S>(graph: StreamGraph, request: UpdateStateRequest<K, S>): NodeId {
  const { options, parent, wholePartition } = request;
  const name = 'updateStateByKey';
  const operatorId = graph.operatorId(options.id, name, name, parent);
  const value: StateValue = options.state === undefined ? 'variable' : options.state.columns;
  if (value !== 'variable') requireNumbers(value, operatorId);
  if (options.upgrade !== undefined) graph.upgrades.set(operatorId, declaredUpgrade(options.upgrade, operatorId));
  const initial = declareInitialState(graph, operatorId, options.initialState ?? []);
  const shuffle = request.shuffle(options.numPartitions);
  const operation = { kind: 'updateState', operatorId, value, initial, wholePartition } as const;
  const id = graph.addNode(operation, [{ kind: 'shuffle', parent, shuffle }], undefined);
  graph.functions.set(id, request.f);
  return id;
}
