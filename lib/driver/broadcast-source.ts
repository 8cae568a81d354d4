/**
 * The driver half of a broadcast variable, in the form of a source: in each batch the plan has the value if it is another
 * than the batch's before, so the offset log and the checkpoint hold what each batch reads.
 */
import type { Json } from '../core/json.js';
import { sharedCopy } from '../core/shared-bytes.js';
import type { BatchTime } from '../core/time.js';
import type { Broadcast, BroadcastVersion } from '../api/broadcast.js';
import type { PlanLimit, SourceDriver, SourcePlan } from '../sources/source.js';

type LoggedValue = { readonly version: number; readonly value: string };

/** What a checkpoint holds: the value, and what batches read that are not committed yet and had another. */
type BroadcastState = {
  readonly latest: LoggedValue | null;
  readonly earlier: readonly { readonly time: number; readonly read: LoggedValue | null }[];
};

export const broadcastSourceId = (id: string): string => `broadcast ${id}`;

export class BroadcastSource implements SourceDriver {
  readonly #broadcast: Broadcast<unknown>;
  readonly #declared: BroadcastVersion;
  /** What batches read that are planned and not committed. */
  readonly #byTime = new Map<number, BroadcastVersion>();
  /** The same as the checkpoint has it, of batches that may be committed. */
  readonly #logged = new Map<number, BroadcastVersion>();
  #planned: BroadcastVersion;

  constructor(broadcast: Broadcast<unknown>) {
    this.#broadcast = broadcast;
    this.#declared = broadcast.latest;
    this.#planned = broadcast.latest;
  }

  /** What the batch of that time reads. */
  versionAt(time: number): BroadcastVersion {
    return this.#byTime.get(time) ?? this.#planned;
  }

  async start(state: Json | undefined): Promise<void> {
    if (state === undefined || state === null) return;
    const { latest, earlier } = state as BroadcastState;
    for (const { time, read } of earlier) this.#logged.set(time, read === null ? this.#declared : versionOf(read));
    if (latest !== null) this.#restore(latest);
  }

  replay(ranges: readonly Json[], time: number): void {
    for (const range of ranges) this.#restore(range as LoggedValue);
    this.#logged.set(time, this.#planned);
  }

  hold(_ranges: readonly Json[], time: number): void {
    const version = this.#logged.get(time);
    if (version !== undefined) this.#byTime.set(time, version);
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

  /**
   * A batch that failed and was left out is run again after later ones, on what it read the first time. The value that the
   * job declares is not kept: a new declaration counts.
   */
  state(): Json {
    const earlier = [...this.#byTime].filter(([, version]) => version !== this.#planned);
    const state: BroadcastState = {
      latest: loggedUnlessDeclared(this.#planned),
      earlier: earlier.map(([time, version]) => ({ time, read: loggedUnlessDeclared(version) })),
    };
    return state;
  }

  async stop(): Promise<void> {}

  #restore(logged: LoggedValue): void {
    this.#planned = versionOf(logged);
    this.#broadcast.restore(this.#planned);
  }
}

const versionOf = ({ version, value }: LoggedValue): BroadcastVersion => ({
  version,
  bytes: sharedCopy(Buffer.from(value, 'base64')),
});

const loggedUnlessDeclared = (version: BroadcastVersion): LoggedValue | null =>
  version.version === 0 ? null : loggedOf(version);

const loggedOf = ({ version, bytes }: BroadcastVersion): LoggedValue => ({
  version,
  value: Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('base64'),
});
