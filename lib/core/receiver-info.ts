/** How a receiver is, as events tell it: what Spark calls ReceiverInfo. */
export interface ReceiverInfo {
  /** Id of the source that the receiver fills. */
  readonly streamId: string;
  /** Name of its class. */
  readonly name: string;
  /** Whether it is receiving. */
  readonly active: boolean;
  /** Where it listens, or what it is connected to; empty where it does not say. */
  readonly location: string;
  readonly lastErrorMessage: string;
  /** What was thrown, with its class; empty where nothing was. */
  readonly lastError: string;
  /** Epoch milliseconds, or -1 where there was no error. */
  readonly lastErrorTime: number;
}
