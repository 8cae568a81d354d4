import { describeKey } from '../core/describe-key.js';
import { EngineError } from '../core/errors.js';
import type { State } from '../api/state-spec.js';

/** What the function of mapWithState is given as the state of a key. One object serves all calls, one after another. */
export class RecordState implements State<unknown> {
  #phase: 'closed' | 'open' | 'removed' | 'timingOut' = 'closed';
  #key: unknown;
  #value: unknown;
  #exists = false;
  #isUpdated = false;

  /** Begins a call for a record. @param value the state where `exists` */
  open(key: unknown, exists: boolean, value: unknown): void {
    this.#begin('open', key, exists, value);
  }

  /** Begins the last call of a key. */
  openTimingOut(key: unknown, value: unknown): void {
    this.#begin('timingOut', key, true, value);
  }

  /** Ends the call: whoever kept the object finds it closed. @returns what the call did to the state */
  close(): 'nothing' | 'updated' | 'removed' {
    const done = this.#phase === 'removed' ? 'removed' : this.#isUpdated ? 'updated' : 'nothing';
    this.#phase = 'closed';
    return done;
  }

  /** The state as the last call left it. */
  get value(): unknown {
    return this.#value;
  }

  exists(): boolean {
    this.#require('exists');
    return this.#exists;
  }

  get(): unknown {
    this.#require('get');
    if (this.#exists) return this.#value;
    throw this.#refuse('get', 'there is none', 'ask exists() before, or use getOption()');
  }

  getOption(): unknown {
    this.#require('getOption');
    return this.#exists ? this.#value : undefined;
  }

  update(state: unknown): void {
    this.#requireChangeable('update');
    if (state === undefined) throw this.#refuse('update', 'undefined is none', 'use remove() to forget the key');
    this.#value = state;
    this.#exists = true;
    this.#isUpdated = true;
  }

  remove(): void {
    this.#requireChangeable('remove');
    this.#value = undefined;
    this.#exists = false;
    this.#isUpdated = false;
    this.#phase = 'removed';
  }

  isTimingOut(): boolean {
    this.#require('isTimingOut');
    return this.#phase === 'timingOut';
  }

  #begin(phase: 'open' | 'timingOut', key: unknown, exists: boolean, value: unknown): void {
    this.#phase = phase;
    this.#key = key;
    this.#value = value;
    this.#exists = exists;
    this.#isUpdated = false;
  }

  #require(call: string): void {
    if (this.#phase !== 'closed') return;
    throw new EngineError(
      'contextState',
      `state.${call} came after the call of the mapWithState function that the state was made for: use it within the call only`,
    );
  }

  #requireChangeable(call: string): void {
    this.#require(call);
    if (this.#phase === 'removed')
      throw this.#refuse(call, 'it was removed by this call', 'do nothing more with it in this call');
    if (this.#phase === 'timingOut')
      throw this.#refuse(call, 'it is timing out and will be gone', 'ask isTimingOut() before');
  }

  #refuse(call: string, found: string, cure: string): EngineError {
    return new EngineError(
      'contextState',
      `state.${call} wants a state of key ${describeKey(this.#key)}, but ${found}: ${cure}`,
    );
  }
}
