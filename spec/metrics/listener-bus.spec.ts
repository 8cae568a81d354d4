import { expect } from 'chai';
import type { BatchInfo, OutputOperationInfo, StreamingListener } from '../../lib/core/streaming-listener.js';
import { ListenerBus } from '../../lib/metrics/listener-bus.js';
import type { RunEvent } from '../../lib/metrics/run-events.js';
import { batchInfo, runInfo } from '../cli/fake-engine.js';
import { turn } from '../helpers/run-engine.js';

const started: RunEvent = { kind: 'started', info: runInfo() };
const submitted = (time: number): RunEvent => ({
  kind: 'batchSubmitted',
  time,
  submittedMs: time + 1,
  inputs: [{ source: 'files', description: 'a.csv bytes 0 to 9' }],
});
const begun = (time: number): RunEvent => ({ kind: 'batchStarted', time, startedMs: time + 3 });
const outputStarted = (time: number): RunEvent => ({
  kind: 'outputStarted',
  time,
  output: 'saved',
  startedMs: time + 5,
});
const outputCompleted = (time: number, failure?: string): RunEvent => ({
  kind: 'outputCompleted',
  time,
  output: 'saved',
  completedMs: time + 8,
  failure,
});
const completed = (time: number): RunEvent => ({
  kind: 'batchCompleted',
  batch: batchInfo(0, { time, completedMs: time + 10, records: 7, recordsBySource: { files: 7 } }),
});
const failed = (time: number): RunEvent => ({
  kind: 'batchFailed',
  time,
  failedMs: time + 9,
  message: 'no such field',
  location: '',
});

class Fixture {
  readonly warnings: string[] = [];
  readonly steps: (() => void)[] = [];
  readonly bus: ListenerBus;

  constructor(capacity = 100) {
    this.bus = new ListenerBus(message => this.warnings.push(message), {
      capacity,
      schedule: step => void this.steps.push(step),
    });
  }

  post(...events: readonly RunEvent[]): this {
    for (const event of events) this.bus.post(event);
    return this;
  }

  runSteps(): void {
    for (const step of this.steps.splice(0)) step();
  }
}

/** Keeps what it hears. */
class Recorder implements StreamingListener {
  readonly heard: string[] = [];
  readonly batches: BatchInfo[] = [];
  readonly outputs: OutputOperationInfo[] = [];

  onStreamingStarted({ time }: { readonly time: number }): void {
    this.heard.push(`streaming ${time}`);
  }
  onReceiverError({ receiverInfo }: { readonly receiverInfo: { readonly lastErrorMessage: string } }): void {
    this.heard.push(`receiver ${receiverInfo.lastErrorMessage}`);
  }
  onBatchSubmitted(event: { readonly batchInfo: BatchInfo }): void {
    this.#batch('submitted', event.batchInfo);
  }
  onBatchStarted(event: { readonly batchInfo: BatchInfo }): void {
    this.#batch('started', event.batchInfo);
  }
  onBatchCompleted(event: { readonly batchInfo: BatchInfo }): void {
    this.#batch('completed', event.batchInfo);
  }
  onOutputOperationStarted(event: { readonly outputOperationInfo: OutputOperationInfo }): void {
    this.#output('output started', event.outputOperationInfo);
  }
  onOutputOperationCompleted(event: { readonly outputOperationInfo: OutputOperationInfo }): void {
    this.#output('output completed', event.outputOperationInfo);
  }

  #batch(what: string, info: BatchInfo): void {
    this.heard.push(`${what} ${info.batchTime}`);
    this.batches.push(info);
  }
  #output(what: string, info: OutputOperationInfo): void {
    this.heard.push(`${what} ${info.batchTime}`);
    this.outputs.push(info);
  }
}

describe('ListenerBus', () => {
  it('fills the fields of a batch in order: submitted, started, completed', () => {
    const { bus } = new Fixture();
    const listener = new Recorder();
    bus.add(listener);
    for (const event of [
      started,
      submitted(1000),
      begun(1000),
      outputStarted(1000),
      outputCompleted(1000),
      completed(1000),
    ])
      bus.post(event);
    bus.flush();
    expect(listener.heard).to.deep.equal([
      'streaming 0',
      'submitted 1000',
      'started 1000',
      'output started 1000',
      'output completed 1000',
      'completed 1000',
    ]);
    const [first, second, last] = listener.batches;
    expect(first).to.deep.include({
      batchTime: 1000,
      submissionTime: 1001,
      processingStartTime: undefined,
      schedulingDelay: undefined,
      totalDelay: undefined,
      numRecords: 0,
    });
    expect(first?.streamIdToInputInfo.get('files')).to.deep.equal({
      inputStreamId: 'files',
      numRecords: 0,
      metadata: { description: 'a.csv bytes 0 to 9' },
    });
    expect(second).to.include({ processingStartTime: 1003, schedulingDelay: 2, processingDelay: undefined });
    expect(second?.outputOperationInfos.size).to.equal(0);
    expect(last).to.include({
      submissionTime: 1001,
      processingStartTime: 1003,
      processingEndTime: 1010,
      schedulingDelay: 2,
      processingDelay: 7,
      totalDelay: 9,
      numRecords: 7,
    });
    expect(last?.streamIdToInputInfo.get('files')?.numRecords).to.equal(7);
    const output = { batchTime: 1000, id: 'saved', name: 'saveAsCsv', description: 'CSV in out/counts' };
    expect(listener.outputs[0]).to.deep.include({
      ...output,
      startTime: 1005,
      endTime: undefined,
      duration: undefined,
    });
    expect(listener.outputs[1]).to.deep.include({
      ...output,
      startTime: 1005,
      endTime: 1008,
      duration: 3,
      failureReason: undefined,
    });
    expect(last?.outputOperationInfos.get('saved')).to.equal(listener.outputs[1]);
  });

  it('gives the reason of an output operation that failed, and completes its batch with it', () => {
    const { bus } = new Fixture();
    const listener = new Recorder();
    bus.add(listener);
    for (const event of [started, submitted(1), begun(1), outputStarted(1), outputCompleted(1, 'disk full'), failed(1)])
      bus.post(event);
    bus.flush();
    expect(listener.outputs[1]?.failureReason).to.equal('disk full');
    const info = listener.batches.at(-1);
    expect(info).to.include({ processingEndTime: 10, processingDelay: 6, numRecords: 0 });
    expect(info?.outputOperationInfos.get('saved')?.failureReason).to.equal('disk full');
  });

  it('gives every output operation the reason of a batch that failed before any of them', () => {
    const { bus } = new Fixture();
    const listener = new Recorder();
    bus.add(listener);
    for (const event of [started, submitted(1), begun(1), failed(1)]) bus.post(event);
    bus.flush();
    expect(listener.heard.at(-1)).to.equal('completed 1');
    const output = listener.batches.at(-1)?.outputOperationInfos.get('saved');
    expect(output).to.include({ failureReason: 'no such field', startTime: undefined, name: 'saveAsCsv' });
  });

  it('passes on how receivers are', () => {
    const { bus } = new Fixture();
    const listener = new Recorder();
    bus.add(listener);
    const receiver = { streamId: 's', name: 'R', active: true, location: '', lastError: '', lastErrorTime: 5 };
    bus.post({ kind: 'receiverError', receiver: { ...receiver, lastErrorMessage: 'refused' } });
    bus.flush();
    expect(listener.heard).to.deep.equal(['receiver refused']);
  });

  it('calls no listener while an event is posted, and one that was added in mid-batch knows the whole batch', () => {
    const fixture = new Fixture();
    const listener = new Recorder();
    fixture.post(started, submitted(1));
    fixture.bus.add(listener);
    fixture.bus.add(listener);
    fixture.post(begun(1), completed(1));
    expect(listener.heard).to.deep.equal([]);
    fixture.runSteps();
    expect(listener.heard).to.deep.equal(['started 1', 'completed 1']);
    expect(listener.batches.at(-1)).to.include({ submissionTime: 2, totalDelay: 9 });
  });

  it('tells a removed listener nothing more, also when it removes itself', () => {
    const fixture = new Fixture();
    const heard: string[] = [];
    const leaving: StreamingListener = {
      onBatchStarted: () => {
        heard.push('started');
        fixture.bus.remove(leaving);
      },
      onBatchCompleted: () => void heard.push('completed'),
    };
    fixture.bus.add(leaving);
    fixture.post(started, submitted(1), begun(1), completed(1)).runSteps();
    fixture.post(submitted(2), begun(2)).runSteps();
    expect(heard).to.deep.equal(['started']);
  });

  it('waits for the promise of one event before it tells the next, each listener for itself', async () => {
    const fixture = new Fixture();
    const heard: string[] = [];
    let go: () => void = () => undefined;
    fixture.bus.add({
      onBatchStarted: () => {
        heard.push('slow started');
        return new Promise<void>(resolve => (go = resolve));
      },
      onBatchCompleted: () => void heard.push('slow completed'),
    });
    fixture.bus.add({ onBatchCompleted: () => void heard.push('quick completed') });
    fixture.post(submitted(1), begun(1), completed(1)).runSteps();
    await turn();
    fixture.bus.flush();
    expect(heard).to.deep.equal(['slow started', 'quick completed']);
    go();
    await turn();
    expect(heard).to.deep.equal(['slow started', 'quick completed', 'slow completed']);
  });

  it('makes one warning of what a listener throws or rejects with, and goes on', async () => {
    const fixture = new Fixture();
    class Broken implements StreamingListener {
      numCompleted = 0;
      onBatchStarted(): void {
        throw new TypeError('not ready');
      }
      async onBatchCompleted(): Promise<void> {
        this.numCompleted++;
        throw new Error('gone');
      }
    }
    const listener = new Broken();
    fixture.bus.add(listener);
    for (const time of [1, 2, 3]) fixture.post(submitted(time), begun(time), completed(time));
    fixture.runSteps();
    await turn();
    expect(listener.numCompleted).to.equal(3);
    expect(fixture.warnings).to.deep.equal([
      'onBatchStarted of listener Broken failed: not ready. The run goes on; later errors of it are not told',
      'onBatchCompleted of listener Broken failed: gone. The run goes on; later errors of it are not told',
    ]);
  });

  it('keeps a bounded number of events for a listener that never answers, the newest, and warns once', async () => {
    const fixture = new Fixture(3);
    const heard: number[] = [];
    let go: () => void = () => undefined;
    fixture.bus.add({
      onBatchCompleted: ({ batchInfo }) => {
        heard.push(batchInfo.batchTime);
        return heard.length === 1 ? new Promise<void>(resolve => (go = resolve)) : undefined;
      },
    });
    for (let time = 1; time <= 20; time++) fixture.post(submitted(time), completed(time)).runSteps();
    expect(heard).to.deep.equal([1]);
    expect(fixture.warnings).to.have.length(1);
    expect(fixture.warnings[0]).to.match(/^a listener is 3 events behind: the oldest are dropped/);
    go();
    await turn();
    expect(heard).to.deep.equal([1, 18, 19, 20]);
  });
});
