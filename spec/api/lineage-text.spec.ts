import { expect } from 'chai';
import { expectStream } from '../helpers/expect-stream.js';
import { withPartitions } from '../helpers/with-rdd.js';

/** Without the places in the source. */
const shape = (text: string): string[] => text.split('\n').map(line => line.replace(/ at \S+$/, ''));

describe('Rdd.toDebugString', () => {
  it('begins with the result, and with a block for each shuffle', async () => {
    const text = await withPartitions([1, 2], 3, async (rdd, ssc) =>
      rdd
        .map((n): [number, number] => [n, n])
        .union(
          ssc
            .parallelize<[number, number]>([], 10)
            .cache()
            .filter(() => true),
        )
        .reduceByKey((a, b) => a + b, 12)
        .join(
          rdd.keyBy(n => n),
          2,
        )
        .mapValues(() => 1)
        .toDebugString(),
    );
    expect(text).to.match(/^\(2\) mapValues at \S*lineage-text\.spec\.ts:\d+\n/);
    expect(shape(text).map(line => line.replace(/ at \S+ \[cached\]$/, ' [cached]'))).to.deep.equal([
      '(2) mapValues',
      ' |  flatMapValues',
      ' |  cogroup',
      ' +-(12) combineByKey',
      '     +-(13) union',
      '         |  map',
      '         |  collection',
      '         |  filter',
      '         |  collection [cached]',
      ' +-(3) map',
      '    |  collection',
    ]);
  });

  it('says that it is not known how many partitions a stream has in transform', async () => {
    await expectStream(
      [['a']],
      s => s.transform((rdd, _time) => rdd.map(() => shape(rdd.map(row => row).toDebugString()))),
      [[['(?) map', ' |  stream']]],
    );
  });
});
