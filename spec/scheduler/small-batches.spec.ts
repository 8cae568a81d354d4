import { expect } from 'chai';
import { SmallBatches } from '../../lib/scheduler/small-batches.js';
import { batchOf, resultOf } from '../helpers/scheduler-ports.js';

const sized = (records: number, bytes: number) => ({ ...batchOf(1), size: { records, bytes } });
const took = (runMs: number) => resultOf({ runMs });

describe('SmallBatches', () => {
  it('are those of few records and few bytes', () => {
    const small = new SmallBatches({ maxRecords: 10, maxBytes: 100 });
    expect(small.isSmall(sized(10, 100))).to.equal(true);
    expect(small.isSmall(sized(0, 0))).to.equal(true);
    expect(small.isSmall(sized(11, 100))).to.equal(false);
    expect(small.isSmall(sized(0, 101))).to.equal(false);
  });

  it('are none when none is wanted, and none of unknown size', () => {
    expect(new SmallBatches({ maxRecords: 0, maxBytes: 100 }).isSmall(sized(0, 0))).to.equal(false);
    expect(new SmallBatches({ maxRecords: 10, maxBytes: 100 }).isSmall(batchOf(1))).to.equal(false);
  });

  it('are none while few records take long, until a batch is quick again', () => {
    const small = new SmallBatches({ maxRecords: 10, maxBytes: 100 });
    small.note(took(50));
    expect(small.isSmall(sized(1, 1)), 'once may be an accident').to.equal(true);
    small.note(took(50));
    expect(small.isSmall(sized(1, 1))).to.equal(false);
    small.note(took(50));
    small.note(took(0.5));
    expect(small.isSmall(sized(1, 1))).to.equal(true);
  });
});
