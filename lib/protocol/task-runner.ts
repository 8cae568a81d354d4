import type { WorkerReply, WorkerRequest } from './messages.js';

/**
 * Runs requests on executor slots. The scheduler knows nothing else of threads. A request is answered exactly once and
 * `submit` never rejects: whatever goes wrong is a failure in the reply.
 *
 * After a reply whose failure `losesWorker`, the slot has a new thread that knows nothing: requests that were waiting
 * behind the lost one on that slot are answered `workerLost` too, and the next one sent must be `attach`.
 */
export interface TaskRunner {
  readonly numSlots: number;
  /** Memory of each slot; outlives its thread. */
  readonly memories: readonly WebAssembly.Memory[];
  /** @param timeoutMs how long it may run (waiting behind others does not count); 0 = no limit */
  submit(slot: number, request: WorkerRequest, timeoutMs: number): Promise<WorkerReply>;
  /** Ends every thread; requests under way are answered `cancelled`. */
  stop(): Promise<void>;
}
