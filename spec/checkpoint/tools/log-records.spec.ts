import { expect } from 'chai';
import type { Manifest } from '../../../lib/checkpoint/manifest.js';
import type { LogRecord } from '../../../lib/checkpoint/segment-scan.js';
import { countedRecords } from '../../../lib/checkpoint/tools/log-records.js';

const offsets = (time: number, ...sources: string[]): LogRecord => ({
  kind: 'offsets',
  time,
  byteLength: 0,
  ranges: Object.fromEntries(sources.map(source => [source, []])),
});
const commit = (time: number): LogRecord => ({
  kind: 'commit',
  time,
  byteLength: 0,
  sinks: {},
  info: null,
  deltas: [],
});

function countedOf(...records: LogRecord[]): readonly LogRecord[] {
  const manifest = { time: 1, leftOut: [], snapshots: [], lastSegment: 1 } as unknown as Manifest;
  const segments = [{ segment: 1, path: '', records, lastFrame: 0, end: 0 }];
  return countedRecords({ segments }, manifest).map(({ record }) => record);
}

describe('the records of a log that count', () => {
  it('are those behind the manifest, each once', () => {
    const [plan, done] = [offsets(2, 'in'), commit(2)];
    expect(countedOf(offsets(1, 'in'), commit(1), plan, done, offsets(2, 'in'), commit(2))).to.deep.equal([plan, done]);
  });

  it('are also what was added to a batch after its plan: records that it leaves out', () => {
    const [plan, choice, done] = [offsets(2, 'in'), offsets(2, 'left out'), commit(2)];
    expect(countedOf(plan, choice, done, offsets(2, 'left out'))).to.deep.equal([plan, choice, done]);
  });

  it('are those of a batch without sources too', () => {
    expect(countedOf(offsets(2), offsets(2), commit(2))).to.have.length(2);
  });
});
