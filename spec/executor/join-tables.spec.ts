import { expect } from 'chai';
import { createSlotMemory, SlotMemory } from '../../lib/columnar/slot-memory.js';
import { encodeValue } from '../../lib/core/value-codec.js';
import { int64, schema, utf8 } from '../../lib/core/schema.js';
import { joinIndex } from '../../lib/executor/join-tables.js';
import { TaskContext } from '../../lib/executor/task-context.js';
import type { JoinTableOperation } from '../../lib/plan/node.js';
import { DeadLetterWriter } from '../../lib/sinks/dead-letter.js';

const LIMIT_BYTES = 4 * 1024 * 1024;
const OPERATION: JoinTableOperation = {
  kind: 'joinTable',
  table: 'table',
  content: { kind: 'rows', columns: schema({ key: utf8(), v: int64() }).columns },
  how: 'inner',
  on: [{ column: 'key', tableColumn: 'key' }],
  added: [{ from: 'v', name: 'v' }],
};

/** One worker's memory, and the index that a task of a batch finds for a version of the table. */
function worker() {
  const memory = new SlotMemory(0, createSlotMemory(LIMIT_BYTES), LIMIT_BYTES);
  const task = (time: number, version: number, numRows: number, wanted = ['v']) => {
    const rows = Array.from({ length: numRows }, (_, v) => ({ key: `key ${v}`, v }));
    const broadcasts = [{ id: 'table', version, bytes: encodeValue(rows) }];
    const request = {
      ...({ kind: 'task', stage: 0, partition: 0, attempt: 0, plan: null, range: null, inputs: [] } as const),
      ...{ time, previousTime: time - 1000, broadcasts },
    };
    const ctx = new TaskContext(memory, request, new DeadLetterWriter(memory, time), () => new Uint8Array());
    memory.startTracking();
    try {
      return joinIndex(ctx, OPERATION, wanted);
    } finally {
      for (const address of memory.stopTracking()) memory.free(address);
      memory.resetScratch();
    }
  };
  return { memory, task };
}

describe('the tables of a worker', () => {
  it('are made once a version, for all batches that read it', () => {
    const { task } = worker();
    const first = task(1000, 1, 10);
    expect(task(1000, 1, 10)).to.equal(first);
    expect(task(2000, 1, 10)).to.equal(first);
    const second = task(3000, 2, 20);
    expect(second.numRows).to.equal(20);
    expect(task(4000, 2, 20)).to.equal(second);
  });

  it('keep the version before for a batch beside, or one that runs again, until a later batch reads the new one', () => {
    const { task, memory } = worker();
    const first = task(1000, 1, 1000);
    const numBlocks = memory.numBlocks;
    const second = task(2000, 2, 1000);
    expect(task(1000, 1, 1000)).to.equal(first);
    expect(task(2000, 2, 1000)).to.equal(second);
    expect(memory.numBlocks).to.be.above(numBlocks);
    task(3000, 2, 1000);
    expect(memory.numBlocks).to.equal(numBlocks);
    expect(task(1000, 1, 1000), 'made again').to.not.equal(first);
  });

  it('have room for another version when the one before is in the way', () => {
    const { task, memory } = worker();
    for (let version = 1; version < 12; version++) task(version * 1000, version, 5000);
    expect(memory.liveBytes).to.be.below(LIMIT_BYTES);
  });

  it('keep what they have when a version does not fit, and find it again', () => {
    const { task, memory } = worker();
    const first = task(1000, 1, 1000);
    expect(() => task(2000, 2, 60_000))
      .to.throw()
      .with.property('code', 'memoryLimit');
    expect(task(1000, 1, 1000)).to.equal(first);
    expect(task(2000, 3, 1000).numRows).to.equal(1000);
    const { numBlocks } = memory;
    expect(() => task(3000, 4, 60_000)).to.throw();
    expect(task(3000, 3, 1000).numRows).to.equal(1000);
    expect(memory.numBlocks, 'nothing of what did not fit').to.be.at.most(numBlocks);
  });

  it('have only the columns that are read', () => {
    const { task } = worker();
    expect(task(1000, 1, 3, []).kept.columns).to.deep.equal([]);
    expect(task(1000, 1, 3).kept.schema.map(({ name }) => name)).to.deep.equal(['v']);
  });
});
