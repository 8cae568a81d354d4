/** The state that an operator begins with, as the graph holds it. */
import { describeKey } from '../core/describe-key.js';
import { EngineError } from '../core/errors.js';
import { hashBytes } from '../core/hash.js';
import { encodeValue } from '../core/value-codec.js';
import { keyOf } from '../core/value-key.js';
import type { StreamGraph } from './stream-graph.js';

type Pairs = readonly (readonly [unknown, unknown])[];

/**
 * Keeps the initial state of an operator in the graph. Throws `jobInvalid` when a key comes twice.
 * @returns what the plan holds of it: enough to see that driver and workers have the same; null for none
 */
export function declareInitialState(graph: StreamGraph, operatorId: string, initial: Pairs): string | null {
  requireDistinct(initial, operatorId);
  if (initial.length === 0) return null;
  graph.initialStates.set(operatorId, initial);
  const bytes = encodeValue(initial);
  return `${initial.length} keys, ${hashBytes(bytes, 0, bytes.length)}`;
}

function requireDistinct(initial: Pairs, operatorId: string): void {
  const seen = new Set<unknown>();
  for (const [key] of initial) {
    const identity = keyOf(key);
    if (seen.has(identity)) {
      throw new EngineError(
        'jobInvalid',
        `the initial state of ${operatorId} has two entries for key ${describeKey(key)}: give one`,
      );
    }
    seen.add(identity);
  }
}
