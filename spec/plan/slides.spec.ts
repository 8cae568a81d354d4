import { expect } from 'chai';
import { buildGraph, job } from '../../lib/api/job.js';
import { BatchQueue } from '../../lib/api/batch-queue.js';
import { explain } from '../../lib/plan/explain.js';
import { endsSlide } from '../../lib/plan/slides.js';
import { compileStages, outputSlide } from '../../lib/plan/stages.js';

describe('slides', () => {
  it('end at multiples of the slide, however many lie between two batches', () => {
    const ends = (time: number, previousTime: number): boolean => endsSlide(2000, time, previousTime);
    expect(ends(1000, 0)).to.equal(false);
    expect(ends(2000, 1000)).to.equal(true);
    expect(ends(3000, 1000)).to.equal(true);
    expect(ends(3000, 2000)).to.equal(false);
    expect(ends(9000, 2000)).to.equal(true);
    expect(endsSlide(null, 1, 0)).to.equal(true);
  });

  it('are those of the window that a stage comes after; the window itself takes every batch', () => {
    const { plan } = buildGraph(
      job('spec', {}, ssc => {
        const stream = ssc.queueStream(new BatchQueue<number>());
        stream.print();
        stream.window(4000, 2000).map(String).repartition(1).window(8000).print();
      }),
      {},
      2,
    );
    const compiled = compileStages(plan);
    expect(compiled.stages.map(({ inputSlideMs, slideMs }) => [inputSlideMs, slideMs])).to.deep.equal([
      [null, null],
      [null, 2000],
      [2000, 2000],
      [2000, 2000],
    ]);
    expect(plan.outputs.map(({ id }) => outputSlide(compiled, id))).to.deep.equal([null, 2000]);
    expect(explain(compiled)).to.include("node 1: window 'window' of rows, 4000 ms every 2000 ms <- shuffle shuffle");
  });
});
