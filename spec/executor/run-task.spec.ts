import { expect } from 'chai';
import { csv } from '../../lib/core/format.js';
import { float64, schema, utf8 } from '../../lib/core/schema.js';
import { buildGraph, job } from '../../lib/api/job.js';
import type { DStream } from '../../lib/api/dstream.js';
import { count, countIf, sum } from '../../lib/expr/aggregate.js';
import { col, not } from '../../lib/expr/expr.js';
import { columnsUsed } from '../../lib/executor/columns-used.js';
import { runTask, type TaskEnvironment } from '../../lib/executor/run-task.js';
import { compileStages } from '../../lib/plan/stages.js';
import type { BlockRef, TaskRequest, TaskResult } from '../../lib/protocol/messages.js';
import { blocksOf } from '../../lib/scheduler/batch-task.js';
import { loadArrow } from '../../lib/state/state-ipc.js';
import { environmentOf, read, type Row } from '../helpers/task-environment.js';

const merge = (partition: number, blocks: readonly BlockRef[]): TaskRequest => ({
  ...read([]),
  stage: 1,
  partition,
  range: null,
  inputs: [blocks],
});

async function resultOf(environment: TaskEnvironment, request: TaskRequest): Promise<TaskResult> {
  const reply = await runTask(environment, request);
  if (reply.ok && reply.kind === 'task') return reply.result;
  throw new Error(JSON.stringify(reply));
}

const rows = Array.from({ length: 5000 }, (_, n) => ({ k: `key ${n % 700} of more than sixteen bytes`, n }));

/** Three ends of one stage: shuffle blocks, staged text, and columns that are grouped. */
const threeEnds =
  (fail: (n: number) => boolean) =>
  (stream: DStream<Row>): void => {
    stream
      .groupBy('k')
      .runningAgg({ total: sum('n') }, { id: 'totals' })
      .saveAsCsv('/out/totals.csv');
    const checked = stream.map(row => {
      if (fail(row.n)) throw new Error(`row ${row.n}`);
      return row;
    });
    checked.saveAsJson('/out/rows.ndjson');
    checked
      .map(({ k, n }) => [k, n])
      .groupByKey()
      .print();
  };

describe('runTask', () => {
  before(() => loadArrow());

  it('leaves exactly the blocks that it answers with', async () => {
    const environment = environmentOf(threeEnds(() => false));
    const { memory } = environment;
    const warm = await resultOf(environment, read(rows));
    for (const { address } of blocksOf(warm)) memory.free(address);
    const before = memory.liveBytes;
    const result = await resultOf(environment, read(rows));
    const blocks = blocksOf(result);
    expect(blocks.length).to.be.greaterThan(4);
    for (const { address } of blocks) memory.free(address);
    expect(memory.liveBytes).to.equal(before);
  });

  it('leaves nothing when it fails, wherever it is', async () => {
    let failAt = -1;
    const environment = environmentOf(threeEnds(n => n === failAt));
    const { memory } = environment;
    for (const { address } of blocksOf(await resultOf(environment, read(rows)))) memory.free(address);
    const before = [memory.liveBytes, memory.numBlocks];
    for (failAt of [0, 1, 2500, 4999]) {
      const reply = await runTask(environment, read(rows));
      expect(reply).to.have.nested.property('failure.message', `row ${failAt}`);
      expect([memory.liveBytes, memory.numBlocks], `failing at row ${failAt}`).to.deep.equal(before);
    }
  });

  it('leaves nothing but the answer of a task that keeps state; its table outlives it', async () => {
    const environment = environmentOf(threeEnds(() => false));
    const { memory, tables } = environment;
    const mapped = await resultOf(environment, read(rows));
    const [id] = Object.keys(mapped.shuffles);
    const input = (mapped.shuffles[id ?? ''] ?? []).flatMap(block => (block?.numRows ? [block] : []));
    tables.get('totals', 0);
    const sizes: number[] = [];
    for (let i = 0; i < 4; i++) {
      const result = await resultOf(environment, merge(0, input.slice(0, 1)));
      expect(result.deltas['totals']?.delta).not.to.equal(null);
      for (const { address } of blocksOf(result)) memory.free(address);
      sizes.push(memory.liveBytes);
    }
    expect(new Set(sizes.slice(1)).size).to.equal(1);
  });

  it('makes a change of state without a form for the log where there is none', async () => {
    const environment = { ...environmentOf(threeEnds(() => false)), logsState: false };
    const mapped = await resultOf(environment, read(rows));
    const input = Object.values(mapped.shuffles)[0]?.[0];
    const { deltas } = await resultOf(environment, merge(0, input ? [input] : []));
    expect(deltas['totals']?.delta?.numRows).to.equal(input?.numRows);
    expect(deltas['totals']?.ipc).to.equal(null);
  });

  it('answers memoryLimit for a task that needs more than the slot has, and leaves nothing', async () => {
    const environment = environmentOf(stream => {
      stream
        .flatMap(({ k, n }) => Array.from({ length: 2000 }, (_, i): [string, number] => [`${k} ${n} ${i}`, i]))
        .groupByKey()
        .print();
    });
    const { memory } = environment;
    for (const { address } of blocksOf(await resultOf(environment, read(rows.slice(0, 10))))) memory.free(address);
    const before = memory.numBlocks;
    const reply = await runTask(environment, read(rows.slice(0, 500)));
    expect(reply).to.have.nested.property('failure.code', 'memoryLimit');
    expect(memory.numBlocks).to.equal(before);
  });
});

describe('columnsUsed', () => {
  const used = (build: (stream: DStream<{ a: string; b: string; x: number; y: number }>) => void): unknown => {
    const columns = schema({ a: utf8(), b: utf8(), x: float64(), y: float64() });
    const { plan } = buildGraph(
      job('spec', {}, ssc => build(ssc.fileStream('in', csv(columns)))),
      {},
      2,
    );
    const [stage] = compileStages(plan).stages;
    return stage && columnsUsed(stage, stage.leaf);
  };

  it('names keys, aggregated columns and those of conditions, of all that hangs on the source', () => {
    expect(used(s => s.groupBy('a').agg({ n: count() }).print())).to.deep.equal(['a']);
    expect(
      used(s =>
        s
          .groupBy('a')
          .agg({
            n: countIf(
              col('b')
                .eq('q')
                .or(not(col('y').gt(1))),
            ),
            t: sum('x'),
          })
          .print(),
      ),
    ).to.have.members(['a', 'b', 'x', 'y']);
    expect(
      used(s => {
        s.groupBy('a').agg({ n: count() }).print();
        s.union(s).groupBy('b').agg({ n: count() }).print();
      }),
    ).to.have.members(['a', 'b']);
  });

  it('is undefined, hence all, when a closure or an output may look at any', () => {
    expect(used(s => s.print())).to.equal(undefined);
    expect(
      used(s => {
        s.groupBy('a').agg({ n: count() }).print();
        s.filter(row => row.x > 1).print();
      }),
    ).to.equal(undefined);
  });
});
