import { expect } from 'chai';
import { BatchQueue } from '../../lib/api/batch-queue.js';
import { buildGraph, job } from '../../lib/api/job.js';
import { text } from '../../lib/core/format.js';
import { describeInputs } from '../../lib/driver/describe-inputs.js';

describe('describeInputs', () => {
  const made = job('spec', {}, ssc => {
    ssc.fileStream('in', text(), { id: 'files' }).print();
    ssc.rateStream({ rowsPerSecond: 1, id: 'rate' }).print();
    ssc.queueStream(new BatchQueue<string>(), { id: 'queue' }).print();
  });
  const { plan } = buildGraph(made, {}, 1);
  const pieceOf = (n: number) => ({ file: `${n}.txt`, ino: n, start: 0, end: n, size: n, kind: 'records' });

  it('names files with their bytes and generated rows by number, and not what is in a queue', () => {
    const ranges = {
      files: [{ header: null, pieces: [pieceOf(1), pieceOf(2)] }],
      rate: [{ from: 0, to: 5, startMs: 0 }],
      queue: [
        { numRows: 1, rows: 'c2VjcmV0' },
        { numRows: 1, rows: 'c2VjcmV0' },
      ],
    };
    expect(describeInputs(ranges, plan)).to.deep.equal([
      { source: 'files', description: '1.txt bytes 0 to 1\n2.txt bytes 0 to 2' },
      { source: 'rate', description: 'rows 0 to 5' },
      { source: 'queue', description: '2 partitions' },
    ]);
  });

  it('names twenty of many, and leaves out a source of which nothing is read', () => {
    const pieces = Array.from({ length: 50 }, (_, i) => pieceOf(i));
    const described = describeInputs({ files: [{ header: null, pieces }], rate: [] }, plan);
    expect(described).to.have.length(1);
    const lines = described[0]?.description.split('\n') ?? [];
    expect(lines).to.have.length(21);
    expect(lines.at(-1)).to.equal('and 30 more');
  });
});
