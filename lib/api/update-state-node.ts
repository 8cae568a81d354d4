/** updateStateByKey as a plan node, and the state that it begins with. */
import { EngineError } from '../core/errors.js';
import { hashBytes } from '../core/hash.js';
import { encodeValue } from '../core/value-codec.js';
import { keyOf } from '../core/value-key.js';
import type { NodeId, Shuffle, StateValue } from '../plan/node.js';
import type { StreamGraph, UserFunction } from './stream-graph.js';
import { requireNumbers, type UpdateStateOptions } from './stream-options.js';

export interface UpdateStateRequest<K, S> {
  readonly parent: NodeId;
  readonly f: UserFunction;
  readonly options: UpdateStateOptions<S, K>;
  readonly shuffle: (numPartitions: number | undefined) => Shuffle;
}

export function addUpdateStateNode<K, S>(graph: StreamGraph, request: UpdateStateRequest<K, S>): NodeId {
  const { options, parent } = request;
  const operatorId =
    options.id === undefined ? graph.uniqueName('updateStateByKey') : graph.claimName(options.id, 'updateStateByKey');
  const value: StateValue = options.state === undefined ? 'variable' : options.state.columns;
  if (value !== 'variable') requireNumbers(value, operatorId);
  const initial = options.initialState ?? [];
  requireDistinct(initial, operatorId);
  const shuffle = request.shuffle(options.numPartitions);
  const operation = { kind: 'updateState', operatorId, value, initial: digestOf(initial) } as const;
  const id = graph.addNode(operation, [{ kind: 'shuffle', parent, shuffle }], undefined);
  graph.functions.set(id, request.f);
  if (initial.length > 0) graph.initialStates.set(operatorId, initial);
  return id;
}

function requireDistinct(initial: readonly (readonly [unknown, unknown])[], operatorId: string): void {
  const seen = new Set<unknown>();
  for (const [key] of initial) {
    const identity = keyOf(key);
    if (seen.has(identity)) {
      throw new EngineError(
        'jobInvalid',
        `the initial state of ${operatorId} has two entries for key ${JSON.stringify(key)}: give one`,
      );
    }
    seen.add(identity);
  }
}

/** What the plan holds of an initial state: enough to see that driver and workers have the same. */
function digestOf(initial: readonly (readonly [unknown, unknown])[]): string | null {
  if (initial.length === 0) return null;
  const bytes = encodeValue(initial);
  return `${initial.length} keys, ${hashBytes(bytes, 0, bytes.length)}`;
}
