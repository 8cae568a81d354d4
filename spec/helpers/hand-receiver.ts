import { Receiver } from '../../lib/sources/receiver/receiver.js';

/** A receiver that stores what the spec tells it to, and notes how it is started and stopped. */
export class HandReceiver extends Receiver<unknown> {
  readonly calls: string[] = [];
  /** What the next start throws. */
  failNextStart: Error | undefined;

  onStart(): void {
    this.calls.push('onStart');
    const failure = this.failNextStart;
    this.failNextStart = undefined;
    if (failure !== undefined) throw failure;
  }

  onStop(): void {
    this.calls.push('onStop');
  }
}
