import { expect } from 'chai';
import type { BatchInfo } from '../../lib/core/streaming-listener.js';
import { StatsReportListener } from '../../lib/metrics/stats-report-listener.js';

const batchOf = (processingDelay: number, totalDelay: number | undefined): { readonly batchInfo: BatchInfo } => ({
  batchInfo: {
    batchTime: 0,
    streamIdToInputInfo: new Map(),
    submissionTime: 0,
    processingStartTime: 0,
    processingEndTime: 0,
    schedulingDelay: 0,
    processingDelay,
    totalDelay,
    numRecords: 0,
    outputOperationInfos: new Map(),
  },
});

describe('StatsReportListener', () => {
  it('prints how the delays of the last batches are distributed, by percentiles that occurred', () => {
    let lines: string[] = [];
    const listener = new StatsReportListener(4, line => lines.push(line));
    for (const delay of [1000, 10, 20, 30, 40]) {
      lines = [];
      listener.onBatchCompleted(batchOf(delay, delay + 5));
    }
    expect(lines).to.deep.equal([
      'Total delay: 4 batches, mean 30 ms, from 15 ms to 45 ms',
      '  0%     5%     10%    25%    50%    75%    90%    95%    100%',
      '  15 ms  15 ms  15 ms  25 ms  35 ms  45 ms  45 ms  45 ms  45 ms',
      'Processing time: 4 batches, mean 25 ms, from 10 ms to 40 ms',
      '  0%     5%     10%    25%    50%    75%    90%    95%    100%',
      '  10 ms  10 ms  10 ms  20 ms  30 ms  40 ms  40 ms  40 ms  40 ms',
    ]);
  });

  it('says nothing of delays that are not known', () => {
    const lines: string[] = [];
    new StatsReportListener(2, line => lines.push(line)).onBatchCompleted(batchOf(1, undefined));
    expect(lines[0]).to.equal('Processing time: 1 batch, mean 1 ms, from 1 ms to 1 ms');
  });

  it('refuses a number of batches that is none', () => {
    expect(() => new StatsReportListener(0)).to.throw(/at least 1, got 0/);
  });
});
