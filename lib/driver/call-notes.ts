import { encodeValue } from '../core/value-codec.js';
import { sharedCopy } from '../core/shared-bytes.js';

/** Encoded when a worker needs it. */
interface Outcome {
  readonly value: unknown;
  bytes: Uint8Array | undefined;
}

/**
 * How the calls of one run of a function ended: actions and slices, by number. A worker that runs the function again, as
 * far as one of its actions, answers those before it with this, in the order in which they ended.
 */
export class CallNotes {
  /** Null for one that has not ended. */
  readonly #outcomes: (Outcome | null)[] = [];
  readonly #ended: number[] = [];

  /** @returns the number of a call */
  begin(): number {
    return this.#outcomes.push(null) - 1;
  }

  end(index: number, value: unknown): void {
    this.#outcomes[index] = { value, bytes: undefined };
    this.#ended.push(index);
  }

  /** By number, each in memory that is handed to workers without a copy. */
  get results(): readonly (Uint8Array | null)[] {
    return this.#outcomes.map(outcome => outcome && (outcome.bytes ??= sharedCopy(encodeValue(outcome.value))));
  }

  /** Numbers in the order of the ends. */
  get ended(): readonly number[] {
    return [...this.#ended];
  }
}
