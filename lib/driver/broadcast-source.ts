/**
 * The driver half of a broadcast variable, in the form of a source: in each batch the plan has the value if it is another
 * than the batch's before, so the offset log and the checkpoint hold what each batch reads.
 */
import type { Json } from '../core/json.js';
import type { BatchTime } from '../core/time.js';
import type { Broadcast, BroadcastVersion } from '../api/broadcast.js';
import type { PlanLimit, SourceDriver, SourcePlan } from '../sources/source.js';

type LoggedValue = { readonly version: number; readonly value: string };

export const broadcastSourceId = (id: string): string => `broadcast ${id}`;

export class BroadcastSource implements SourceDriver {
  readonly #broadcast: Broadcast<unknown>;
  readonly #byTime = new Map<number, BroadcastVersion>();
  #planned: BroadcastVersion;

  constructor(broadcast: Broadcast<unknown>) {
    this.#broadcast = broadcast;
    this.#planned = broadcast.latest;
  }

  /** What the batch of that time reads. */
  versionAt(time: number): BroadcastVersion {
    return this.#byTime.get(time) ?? this.#planned;
  }

  async start(state: Json | undefined): Promise<void> {
    if (state !== undefined && state !== null) this.#restore(state as LoggedValue);
  }

  replay(ranges: readonly Json[], time: number): void {
    for (const range of ranges) this.#restore(range as LoggedValue);
    this.#byTime.set(time, this.#planned);
  }

  async plan({ time }: PlanLimit): Promise<SourcePlan> {
    const { latest } = this.#broadcast;
    const ranges = latest === this.#planned ? [] : [loggedOf(latest)];
    this.#planned = latest;
    this.#byTime.set(time, latest);
    return { ranges, bytes: 0, records: 0, caughtUp: true };
  }

  async commit(time: BatchTime): Promise<void> {
    this.#byTime.delete(time);
  }

  /** The value that the job declares is not kept: a new declaration counts. */
  state(): Json {
    return this.#planned.version === 0 ? null : loggedOf(this.#planned);
  }

  async stop(): Promise<void> {}

  #restore({ version, value }: LoggedValue): void {
    const bytes = Buffer.from(value, 'base64');
    const shared = new Uint8Array(new SharedArrayBuffer(bytes.length));
    shared.set(bytes);
    this.#planned = { version, bytes: shared };
    this.#broadcast.restore(this.#planned);
  }
}

const loggedOf = ({ version, bytes }: BroadcastVersion): LoggedValue => ({
  version,
  value: Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('base64'),
});
