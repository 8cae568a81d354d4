import { expect } from 'chai';
import { schema, utf8 } from '../../lib/core/schema.js';
import { csv } from '../../lib/core/format.js';
import { buildGraph, job } from '../../lib/api/job.js';
import type { StreamingContext } from '../../lib/api/streaming-context.js';
import { count } from '../../lib/expr/aggregate.js';
import { explain } from '../../lib/plan/explain.js';
import { fingerprintOf } from '../../lib/plan/fingerprint.js';
import { compileStages } from '../../lib/plan/stages.js';

const planOf = (build: (ssc: StreamingContext) => void, numPartitions = 2) =>
  buildGraph(job('spec', {}, build), {}, numPartitions).plan;
const explained = (build: (ssc: StreamingContext) => void): string => explain(compileStages(planOf(build)));
const users = csv(schema({ user: utf8() }));

describe('stages', () => {
  it('are cut at shuffles; what hangs on a leaf by narrow dependencies is one stage', () => {
    expect(
      explained(ssc => {
        const words = ssc.fileStream('in', users).map(row => [row.user, 1]);
        words.print();
        words
          .reduceByKey((a, b) => a + b)
          .mapValues(n => n * 2)
          .saveAsJson('out');
      }),
    ).to.equal(
      [
        'stage 0 (one partition a range)',
        '  node 0: source files [user utf8]',
        '  node 1: map <- 0',
        '  node 1 => shuffle shuffle by pairs, combined into 2',
        '  node 1 => output print',
        'stage 1 (2 partitions, after stage 0)',
        '  node 2: combineByKey <- shuffle shuffle',
        '  node 3: mapValues <- 2',
        '  node 3 => output saveAsJson',
      ].join('\n'),
    );
  });

  it('put a union downstream of each of its parents', () => {
    expect(
      explained(ssc => {
        const a = ssc.fileStream('a', users);
        a.union(ssc.fileStream('b', users)).groupBy('user').agg({ n: count() }).print();
      }),
    ).to.equal(
      [
        'stage 0 (one partition a range)',
        '  node 0: source files [user utf8]',
        '  node 2: union <- 0, 1 [user utf8]',
        '  node 2 => shuffle shuffle by groups into 2',
        'stage 1 (one partition a range)',
        '  node 1: source files-2 [user utf8]',
        '  node 2: union <- 0, 1 [user utf8]',
        '  node 2 => shuffle shuffle by groups into 2',
        'stage 2 (2 partitions, after stage 0, 1)',
        '  node 3: aggregate n by user utf8 <- shuffle shuffle [user utf8, n int64]',
        '  node 3 => output print',
      ].join('\n'),
    );
  });

  it('have one fingerprint for one plan, whatever the closures hold, and another for another', () => {
    const plan = (factor: number, path: string) =>
      planOf(ssc =>
        ssc
          .fileStream(path, users)
          .map(row => row.user.repeat(factor))
          .print(),
      );
    expect(fingerprintOf(plan(1, 'in'))).to.equal(fingerprintOf(plan(2, 'in')));
    expect(fingerprintOf(plan(1, 'in'))).not.to.equal(fingerprintOf(plan(1, 'elsewhere')));
  });
});
