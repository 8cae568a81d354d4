import type { BatchInfo, OutputOperationInfo, StreamInputInfo, StreamingListener } from '../core/streaming-listener.js';
import type { BatchInput, RunEvent, RunInfo } from './run-events.js';

/** One call of a listener, not yet made. */
export type ListenerCall = {
  [M in keyof StreamingListener]-?: {
    readonly method: M;
    readonly event: Parameters<NonNullable<StreamingListener[M]>>[0];
  };
}[keyof StreamingListener];

/** A batch under way. */
interface OpenBatch {
  readonly time: number;
  readonly submittedMs: number;
  readonly inputs: readonly BatchInput[];
  startedMs: number | undefined;
  readonly outputs: Map<string, OutputOperationInfo>;
}

interface BatchEnd {
  readonly endMs: number;
  readonly records: number;
  readonly recordsBySource: { readonly [source: string]: number };
}

/** Puts what a run tells into the events of a StreamingListener, which say everything known of a batch so far. */
export class ListenerEvents {
  readonly #open = new Map<number, OpenBatch>();
  #info: RunInfo | undefined;

  /** The event for listeners that a run event makes, if any. */
  next(event: RunEvent): ListenerCall | undefined {
    switch (event.kind) {
      case 'started':
        this.#info = event.info;
        return { method: 'onStreamingStarted', event: { time: event.info.startedMs } };
      case 'receiverStarted':
        return { method: 'onReceiverStarted', event: { receiverInfo: event.receiver } };
      case 'receiverError':
        return { method: 'onReceiverError', event: { receiverInfo: event.receiver } };
      case 'receiverStopped':
        return { method: 'onReceiverStopped', event: { receiverInfo: event.receiver } };
      case 'batchSubmitted': {
        const { time, submittedMs, inputs } = event;
        const batch: OpenBatch = { time, submittedMs, inputs, startedMs: undefined, outputs: new Map() };
        this.#open.set(time, batch);
        return { method: 'onBatchSubmitted', event: { batchInfo: infoOf(batch) } };
      }
      case 'batchStarted': {
        const batch = this.#open.get(event.time);
        if (batch === undefined) return undefined;
        batch.startedMs = event.startedMs;
        return { method: 'onBatchStarted', event: { batchInfo: infoOf(batch) } };
      }
      case 'outputStarted': {
        const begun = { ...this.#output(event.time, event.output), startTime: event.startedMs };
        this.#open.get(event.time)?.outputs.set(event.output, begun);
        return { method: 'onOutputOperationStarted', event: { outputOperationInfo: begun } };
      }
      case 'outputCompleted': {
        const { outputs } = this.#open.get(event.time) ?? {};
        const begun = outputs?.get(event.output) ?? this.#output(event.time, event.output);
        const ended = {
          ...begun,
          endTime: event.completedMs,
          duration: event.completedMs - (begun.startTime ?? event.completedMs),
          failureReason: event.failure,
        };
        outputs?.set(event.output, ended);
        return { method: 'onOutputOperationCompleted', event: { outputOperationInfo: ended } };
      }
      case 'batchCompleted': {
        const { time, completedMs, records, recordsBySource } = event.batch;
        return this.#end(time, { endMs: completedMs, records, recordsBySource });
      }
      case 'batchFailed':
        this.#failOutputs(event.time, event.message);
        return this.#end(event.time, { endMs: event.failedMs, records: 0, recordsBySource: {} });
      default:
        return undefined;
    }
  }

  #end(time: number, end: BatchEnd): ListenerCall | undefined {
    const batch = this.#open.get(time);
    this.#open.delete(time);
    return batch && { method: 'onBatchCompleted', event: { batchInfo: infoOf(batch, end) } };
  }

  /** Where none of them failed itself, what failed the batch came before all of them or after. */
  #failOutputs(time: number, failureReason: string): void {
    const { outputs } = this.#open.get(time) ?? {};
    if (outputs === undefined || [...outputs.values()].some(output => output.failureReason !== undefined)) return;
    for (const { id } of this.#info?.outputs ?? []) {
      outputs.set(id, { ...(outputs.get(id) ?? this.#output(time, id)), failureReason });
    }
  }

  #output(batchTime: number, id: string): OutputOperationInfo {
    const found = this.#info?.outputs.find(output => output.id === id);
    return {
      batchTime,
      id,
      name: found?.label ?? id,
      description: found?.description ?? id,
      startTime: undefined,
      endTime: undefined,
      duration: undefined,
      failureReason: undefined,
    };
  }
}

function infoOf({ time, submittedMs, inputs, startedMs, outputs }: OpenBatch, end?: BatchEnd): BatchInfo {
  const records = new Map(Object.entries(end?.recordsBySource ?? {}));
  const inputInfos = inputs.map(({ source, description }): [string, StreamInputInfo] => [
    source,
    { inputStreamId: source, numRecords: records.get(source) ?? 0, metadata: { description } },
  ]);
  const endMs = end?.endMs;
  const schedulingDelay = difference(submittedMs, startedMs);
  return {
    batchTime: time,
    streamIdToInputInfo: new Map(inputInfos),
    submissionTime: submittedMs,
    processingStartTime: startedMs,
    processingEndTime: endMs,
    schedulingDelay,
    processingDelay: difference(startedMs, endMs),
    totalDelay: startedMs === undefined ? undefined : difference(submittedMs, endMs),
    numRecords: end?.records ?? 0,
    outputOperationInfos: new Map(outputs),
  };
}

const difference = (from: number | undefined, to: number | undefined): number | undefined =>
  from === undefined || to === undefined ? undefined : to - from;
