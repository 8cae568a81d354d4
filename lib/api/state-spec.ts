/** What mapWithState is told: the function over records and states, and how the states are kept. */
import { EngineError } from '../core/errors.js';
import { parseDuration, type Duration } from '../core/time.js';
import type { Migration } from './state-upgrade.js';

/**
 * The state of one key, as the function of mapWithState sees it for one record. It is good for that call only. A value
 * that `get` gave and that was changed inside must be given to `update` again, else the change may be lost.
 *
 * Throws `contextState` for a call that does not fit what was done before.
 */
export interface State<S> {
  /** Whether the key has a state. */
  exists(): boolean;
  /** The state; throws when there is none. */
  get(): S;
  /** The state, or undefined when there is none. */
  getOption(): S | undefined;
  /** Sets the state: JSON-like, also Date, bigint and bytes. Throws after `remove`, and while timing out. */
  update(state: S): void;
  /** Forgets the key, whether it has a state or not. Throws when done twice, and while timing out. */
  remove(): void;
  /** True for the last call of a key, which has no value: it was idle for longer than the timeout. */
  isTimingOut(): boolean;
}

/**
 * Called once for each record, with the key's state and the batch time (epoch ms); gives what the record is mapped to, or
 * undefined for nothing. `value` is undefined when the key is timing out.
 */
export type StateFunction<K, V, S, M> = (key: K, value: V | undefined, state: State<S>, time: number) => M | undefined;

interface StateSettings<K, S> {
  readonly id?: string;
  readonly numPartitions?: number;
  readonly timeoutMs?: number;
  readonly initialState?: readonly (readonly [K, S])[];
  readonly upgrade?: Migration<S>;
}

/**
 * A function over records and states, and how the states are kept. Immutable: each method gives another one.
 *
 *     const visits = StateSpec.function((user: string, page: string | undefined, seen: State<number>) => {
 *       if (page === undefined) return `${user} left after ${seen.get()} pages`;
 *       seen.update((seen.getOption() ?? 0) + 1);
 *     }).timeout('30m');
 */
export class StateSpec<K, V, S, M> {
  readonly f: StateFunction<K, V, S, M>;
  readonly settings: StateSettings<K, S>;

  private constructor(f: StateFunction<K, V, S, M>, settings: StateSettings<K, S>) {
    this.f = f;
    this.settings = settings;
  }

  /** See `StateFunction`: the types of key, value and state are those of its parameters. */
  static function<K, V, S, K2, V2>(
    f: (key: K, value: V | undefined, state: State<S>, time: number) => readonly [K2, V2] | undefined,
  ): StateSpec<K, V, S, [K2, V2]>;
  static function<K, V, S, M>(f: StateFunction<K, V, S, M>): StateSpec<K, V, S, M>;
  static function<K, V, S, M>(f: StateFunction<K, V, S, M>): StateSpec<K, V, S, M> {
    return new StateSpec(f, {});
  }

  /**
   * The states before the first batch, each key once; they count as updated in it. They count where the checkpoint has no
   * snapshot of this state yet, so they must stay the same until the first one is written.
   */
  initialState(pairs: readonly (readonly [K, S])[]): StateSpec<K, V, S, M> {
    return this.#with({ initialState: pairs });
  }

  /** How many partitions the states are spread over; default: as many as there are workers. */
  numPartitions(numPartitions: number): StateSpec<K, V, S, M> {
    return this.#with({ numPartitions });
  }

  /**
   * Forgets keys that had no record for longer than `duration`, in the first batch in which that is so, after a last call
   * of the function. Throws `optionInvalid` for what is not a duration above 0.
   */
  timeout(duration: Duration): StateSpec<K, V, S, M> {
    const timeoutMs = parseDuration(duration, 'the timeout of mapWithState');
    if (timeoutMs > 0) return this.#with({ timeoutMs });
    throw new EngineError('optionInvalid', `the timeout of mapWithState wants to be above 0, got '${duration}'`);
  }

  /** Names the state in checkpoints; give one to be free to move the operation. */
  id(id: string): StateSpec<K, V, S, M> {
    return this.#with({ id });
  }

  /** Makes the states of this version of the job out of those that earlier ones left in a checkpoint. */
  upgrade(migration: Migration<S>): StateSpec<K, V, S, M> {
    return this.#with({ upgrade: migration });
  }

  #with(settings: StateSettings<K, S>): StateSpec<K, V, S, M> {
    return new StateSpec(this.f, { ...this.settings, ...settings });
  }
}
