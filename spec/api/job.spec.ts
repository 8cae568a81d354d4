import { expect } from 'chai';
import { EngineError } from '../../lib/core/errors.js';
import { buildGraph, job } from '../../lib/api/job.js';
import { BatchQueue, type StreamingContext } from '../../lib/index.js';

describe('job', () => {
  // `job('x', ssc => ...)` compiles without types, and then failed as 'build is not a function'.
  for (const [said, args] of [
    ['a build function in the place of options', ['x', () => undefined]],
    ['no options', ['x', undefined, () => undefined]],
    ['no build function', ['x', {}]],
  ] as const) {
    it(`refuses ${said}`, () => {
      expect(() => (job as (...args: readonly unknown[]) => unknown)(...args))
        .to.throw(EngineError, "job 'x' wants a name, options and a build function: job('x', {}, ssc => { ... })")
        .with.property('code', 'jobInvalid');
    });
  }
});

describe('what a job in JavaScript gets wrong and types would have told', () => {
  const cases: readonly [string, (ssc: StreamingContext) => unknown, string, string][] = [
    [
      'an array for a queue',
      ssc => ssc.queueStream([1, 2] as never),
      'optionInvalid',
      'wants a BatchQueue, got an array',
    ],
    [
      'a row for a batch',
      () => new BatchQueue().push(1 as never),
      'optionInvalid',
      'each an array of rows or null, got number',
    ],
    [
      'a partitioner that does not partition',
      ssc =>
        ssc
          .queueStream(new BatchQueue<number>())
          .map(n => [n, n])
          .groupByKey({ numPartitions: 2 } as never),
      'optionInvalid',
      'a partitioner wants { numPartitions, partitionOf(key) }, got partitionOf as undefined',
    ],
    [
      'no function for map',
      ssc => ssc.queueStream(new BatchQueue()).map(undefined as never),
      'jobInvalid',
      'map wants a function, got undefined',
    ],
  ];
  for (const [said, build, code, message] of cases) {
    it(`is refused where it stands: ${said}`, () => {
      expect(() => buildGraph(job('x', {}, build), {}, 2))
        .to.throw(EngineError, message)
        .with.property('code', code);
    });
  }
});
