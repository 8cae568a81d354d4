import { expect } from 'chai';
import { makeReporter } from '../../lib/cli/console-reporter.js';
import { batchInfo, runInfo } from './fake-engine.js';
import { FakeTerminal } from './fake-terminal.js';

const summary = {
  batches: 3,
  records: 12_345,
  bytes: 500_000,
  badRecords: 0,
  outputRows: 99,
  stateRows: 7,
  failedBatches: 0,
  elapsedMs: 1500,
  reason: 'finished',
} as const;

describe('console reporter', () => {
  it('says how far restoring is once a second, and nothing of one that is quick', () => {
    const terminal = new FakeTerminal();
    const tell = makeReporter('plain', terminal);
    const totalBytes = 8_000_000;
    for (const elapsedMs of [300, 900, 1100, 1500, 2200, 2300])
      tell({ kind: 'restoring', doneBytes: elapsedMs * 2000, totalBytes, elapsedMs });
    tell({ kind: 'restoring', doneBytes: totalBytes, totalBytes, elapsedMs: 9000 });
    expect(terminal.outLines).to.deep.equal([
      'restoring state: 2.2 MB of 8 MB after 1.1 s',
      'restoring state: 4.4 MB of 8 MB after 2.2 s',
    ]);
  });

  it('says what runs, each batch, and where everything is', () => {
    const terminal = new FakeTerminal();
    const tell = makeReporter('plain', terminal);
    tell({ kind: 'started', info: runInfo() });
    tell({ kind: 'restored', lastBatchTime: batchInfo(0).time, stateRows: 7, rerun: 1, tookMs: 12 });
    tell({ kind: 'batchCompleted', batch: batchInfo(1, { rerun: true, badRecords: 2 }) });
    tell({ kind: 'batchCompleted', batch: batchInfo(2, { progress: undefined, records: 1 }) });
    tell({ kind: 'checkpointWritten', time: 0, bytes: 10, tookMs: 1 });
    tell({ kind: 'stopped', summary: { ...summary, badRecords: 2 } });
    expect(terminal.outLines).to.deep.equal([
      'counts: batch interval 500 ms, 2 workers',
      '  input         files: CSV files in clicks',
      '  output        saved: CSV in out/counts',
      '  checkpoint    cp',
      'restored 7 state rows as of 00:00:00.000 in 12 ms; 1 batch to run again',
      '00:00:00.100  1,250 records  processing 8 ms  total 9 ms  2 bad records  run again  62 % of 480 kB  156,250 records/s',
      '00:00:00.200  1 record  processing 8 ms  total 9 ms  1,251 so far  11,583 records/s',
      'finished: 12,345 records in 3 batches, 2 bad records, 99 rows out, 1.5 s, 8,230 records/s',
      '  output        out/counts',
      '  dead letters  deadletter',
      '  checkpoint    cp (sluice checkpoint show cp)',
      '  next          the same command goes on where this run ended',
    ]);
    expect(terminal.errText).to.equal('');
  });

  it('says at the end how much went to files for want of memory', () => {
    for (const [recomputedBlocks, again] of [
      [0, ''],
      [2, ', 2 blocks computed again'],
    ] as const) {
      const terminal = new FakeTerminal();
      const tell = makeReporter('plain', terminal);
      tell({ kind: 'started', info: runInfo() });
      tell({ kind: 'stopped', summary: { ...summary, blocks: { spilledBytes: 1_500_000, recomputedBlocks } } });
      expect(terminal.outLines).to.include(`  short memory  1.5 MB of blocks went to files${again} (maxBlockBytes)`);
    }
  });

  it('says under quiet only what the job prints, and one closing line', () => {
    const terminal = new FakeTerminal();
    const tell = makeReporter('quiet', terminal);
    tell({ kind: 'started', info: runInfo() });
    tell({ kind: 'batchCompleted', batch: batchInfo(1) });
    tell({ kind: 'printed', time: 0, lines: ['(a, 1)'] });
    tell({ kind: 'taskRetried', task: 'result_1_0', attempt: 0, reason: 'boom' });
    tell({ kind: 'stopped', summary });
    expect(terminal.outLines).to.deep.equal([
      '(a, 1)',
      'finished: 12,345 records in 3 batches, 99 rows out, 1.5 s, 8,230 records/s',
    ]);
    expect(terminal.errText).to.equal('');
  });

  it('gives under json each event as it is, one object a line', () => {
    const terminal = new FakeTerminal();
    const tell = makeReporter('json', terminal);
    const events = [
      { kind: 'started', info: runInfo() },
      { kind: 'batchCompleted', batch: batchInfo(1) },
      { kind: 'printed', time: 5, lines: ['a\u001b[31mb\u009b\nc'] },
      { kind: 'warning', message: 'careful' },
      { kind: 'stopped', summary },
    ] as const;
    for (const event of events) tell(event);
    expect(terminal.outLines.map(line => JSON.parse(line) as unknown)).to.deep.equal(events);
    expect(terminal.outText.replaceAll('\n', '')).to.match(/^[ -~]*$/);
    expect(terminal.errText).to.equal('');
  });

  it('says when receivers start and stop, and where; tells their problems on standard error', () => {
    const receiver = {
      streamId: 'http',
      name: 'HttpReceiver',
      active: true,
      location: 'http://127.0.0.1:8080/',
      lastErrorMessage: 'a request failed: why',
      lastError: 'Error: why',
      lastErrorTime: 5,
    };
    const terminal = new FakeTerminal();
    const tell = makeReporter('plain', terminal);
    tell({ kind: 'receiverStarted', receiver });
    tell({ kind: 'receiverStarted', receiver: { ...receiver, streamId: 'mine', name: 'Mine', location: '' } });
    tell({ kind: 'receiverError', receiver });
    tell({ kind: 'receiverStopped', receiver });
    expect(terminal.outLines).to.deep.equal([
      'receiver http (HttpReceiver) started: http://127.0.0.1:8080/',
      'receiver mine (Mine) started',
      'receiver http stopped',
    ]);
    expect(terminal.errText).to.equal('warning: receiver http: a request failed: why\n');
  });

  it('leaves the steps inside a batch out, of lines and of json alike', () => {
    for (const mode of ['json', 'plain'] as const) {
      const terminal = new FakeTerminal();
      const tell = makeReporter(mode, terminal);
      tell({ kind: 'batchSubmitted', time: 5, submittedMs: 5, inputs: [] });
      tell({ kind: 'batchStarted', time: 5, startedMs: 6 });
      tell({ kind: 'outputStarted', time: 5, output: 'print', startedMs: 7 });
      tell({ kind: 'outputCompleted', time: 5, output: 'print', completedMs: 8, failure: undefined });
      expect(terminal.outText + terminal.errText).to.equal('');
    }
  });

  it('tells warnings and tasks that are run again on standard error', () => {
    const terminal = new FakeTerminal();
    const tell = makeReporter('plain', terminal);
    tell({ kind: 'warning', message: 'the newest snapshot is damaged' });
    tell({ kind: 'taskRetried', task: 'result_1_0', attempt: 0, reason: 'boom' });
    expect(terminal.errText.split('\n')).to.deep.equal([
      'warning: the newest snapshot is damaged',
      'warning: task result_1_0, attempt 0 failed and is run again: boom',
      '',
    ]);
  });

  it('shows escapes and control characters of data instead of obeying them', () => {
    const terminal = new FakeTerminal();
    const tell = makeReporter('plain', terminal);
    tell({
      kind: 'printed',
      time: 0,
      lines: [
        'red \u001b[31m',
        'title \u001b]0;x\u0007',
        'c1 \u009b2J',
        'two\r\nlines',
        'bidi \u202e',
        'tab\tstays, é 漢 🎉',
      ],
    });
    tell({ kind: 'warning', message: 'bell \u0007' });
    expect(terminal.outLines).to.deep.equal([
      'red \\x1b[31m',
      'title \\x1b]0;x\\x07',
      'c1 \\x9b2J',
      'two\\r\\nlines',
      'bidi \\u202e',
      'tab\tstays, é 漢 🎉',
    ]);
    expect(terminal.errText).to.equal('warning: bell \\x07\n');
  });

  it('has a line for each batch as long as there are no more than 20 a second', () => {
    const terminal = new FakeTerminal();
    const tell = makeReporter('plain', terminal);
    for (let n = 0; n < 1000; n++) tell({ kind: 'batchCompleted', batch: batchInfo(n / 2) });
    expect(terminal.outLines).to.have.length(1000);
  });

  it('lets a line stand for several batches beyond that, says so once, and leaves no record out', () => {
    const terminal = new FakeTerminal();
    const tell = makeReporter('plain', terminal);
    // 200 batches a second for 10 seconds.
    for (let n = 0; n < 2000; n++) tell({ kind: 'batchCompleted', batch: batchInfo(n / 20, { records: 3 }) });
    tell({ kind: 'stopped', summary });
    const lines = terminal.outLines.slice(0, -1);
    expect(lines.filter(line => line.includes('a line may stand for several'))).to.have.length(1);
    const batchLines = lines.filter(line => line.includes('processing'));
    expect(batchLines.length).to.be.within(200, 230);
    expect(batchLines.at(-2)).to.match(/^\d\d:\d\d:\d\d\.\d{3} {2}10 batches {2}30 records {2}/);
    const records = batchLines.map(line => Number(/([\d,]+) records?\b/.exec(line)?.[1]?.replaceAll(',', '')));
    expect(records.reduce((sum, n) => sum + n, 0)).to.equal(6000);
  });

  it('takes the rate from the last seconds, not from the whole run', () => {
    const terminal = new FakeTerminal();
    const tell = makeReporter('plain', terminal);
    for (let n = 0; n < 100; n++)
      tell({ kind: 'batchCompleted', batch: batchInfo(n, { records: n < 40 ? 10 : 1000 }) });
    expect(terminal.outLines[39]).to.match(/ 102 records\/s$/);
    expect(terminal.outLines.at(-1)).to.match(/ 10,000 records\/s$/);
  });

  it('gives no rate for a batch without records', () => {
    const terminal = new FakeTerminal();
    const tell = makeReporter('plain', terminal);
    tell({ kind: 'batchCompleted', batch: batchInfo(1) });
    tell({ kind: 'batchCompleted', batch: batchInfo(2, { records: 0 }) });
    expect(terminal.outLines[1]).to.equal('00:00:00.200  0 records  processing 8 ms  total 9 ms  62 % of 480 kB');
  });

  it('never shows more than there is, and a full 100 % only at the end', () => {
    const terminal = new FakeTerminal();
    const tell = makeReporter('plain', terminal);
    const shown = (done: number, total: number, unit: 'bytes' | 'records'): string => {
      tell({ kind: 'batchCompleted', batch: batchInfo(1, { progress: { done, total, unit } }) });
      return /\d+ % of [\d,.]+ \w+/.exec(String(terminal.outLines.at(-1)))?.[0] ?? '';
    };
    expect(shown(999, 1000, 'records')).to.equal('99 % of 1,000 records');
    expect(shown(1001, 1000, 'records')).to.equal('100 % of 1,000 records');
    expect(shown(0, 0, 'bytes')).to.equal('100 % of 0 B');
  });
});
