import { EngineError } from '../../lib/core/errors.js';
import { BatchQueue } from '../../lib/api/batch-queue.js';
import type { DStream } from '../../lib/api/dstream.js';
import { buildGraph, job } from '../../lib/api/job.js';
import { expect } from 'chai';
import { CRASH, expectStream } from '../helpers/expect-stream.js';

type Row = readonly ['left' | 'right', string, number];

/** 'a' on both sides, twice here; 'b' only here; 'c' only there. */
const rows: Row[] = [
  ['left', 'a', 1],
  ['left', 'a', 2],
  ['left', 'b', 3],
  ['right', 'a', 4],
  ['right', 'c', 5],
];
const side = (s: DStream<Row>, name: Row[0]): DStream<[string, number]> =>
  s.filter(row => row[0] === name).map(([, key, value]) => [key, value]);

describe('joins', () => {
  const both = [
    ['a', [1, 4]],
    ['a', [2, 4]],
  ];
  const onlyLeft = ['b', [3, null]];
  const onlyRight = ['c', [null, 5]];

  it('join leaves out what has no partner', () =>
    expectStream<Row, unknown>([rows, CRASH, []], s => side(s, 'left').join(side(s, 'right')), [both, []]));

  it('leftOuterJoin keeps what has no partner there, with null', () =>
    expectStream<Row, unknown>([rows, CRASH, []], s => side(s, 'left').leftOuterJoin(side(s, 'right')), [
      [...both, onlyLeft],
      [],
    ]));

  it('rightOuterJoin keeps what has no partner here, with null', () =>
    expectStream<Row, unknown>([rows, CRASH, []], s => side(s, 'left').rightOuterJoin(side(s, 'right')), [
      [...both, onlyRight],
      [],
    ]));

  it('fullOuterJoin keeps everything', () =>
    expectStream<Row, unknown>([rows, CRASH, []], s => side(s, 'left').fullOuterJoin(side(s, 'right')), [
      [...both, onlyLeft, onlyRight],
      [],
    ]));

  it('give a value that is null itself to its partner', () =>
    expectStream<Row, unknown>(
      [rows],
      s =>
        side(s, 'left')
          .mapValues(() => null)
          .leftOuterJoin(side(s, 'right')),
      [
        [
          ['a', [null, 4]],
          ['a', [null, 4]],
          ['b', [null, null]],
        ],
      ],
    ));

  it('take the number of partitions', () =>
    expectStream<Row, number>(
      [rows],
      s =>
        side(s, 'left')
          .fullOuterJoin(side(s, 'right'), 3)
          .mapPartitions(pairs => [[...pairs].length])
          .reduce((a, b) => a + b),
      [[4]],
    ));

  it('refuse a stream of another job', () => {
    const other = job('other', {}, ssc => {
      const far = ssc.queueStream(new BatchQueue<[string, number]>());
      buildGraph(
        job('spec', {}, here => here.queueStream(new BatchQueue<[string, number]>()).join(far).print()),
        {},
        2,
      );
    });
    expect(() => buildGraph(other, {}, 2)).to.throw(EngineError, /streams of two jobs/);
  });
});
