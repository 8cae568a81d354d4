import { expect } from 'chai';
import { AllValues, DistinctValues } from '../../../lib/columnar/wide/kept-values.js';
import type { Scalar, WideKind } from '../../../lib/columnar/wide/wide-aggregate.js';
import { WideTable } from '../../../lib/columnar/wide/wide-table.js';
import { forSeeds, intBelow, randomNumber, randomString, shuffled, type Random } from '../../helpers/random-values.js';
import { bytesOf, inPortions, sent } from './accumulators.js';

const tableOf = (kind: WideKind): WideTable =>
  new WideTable([{ name: 'x', kind, column: 'x', inputKind: 'utf8', outputKind: 'utf8', nullable: true }]);

const texts = (random: Random): string[] =>
  Array.from({ length: 1 + intBelow(random, 30) }, () => randomString(random));

describe('columnar/wide/kept-values', () => {
  it('keeps the first, the last, the least and the greatest value, in whatever portions they come', () => {
    forSeeds(40, random => {
      const values = texts(random).map(text => Buffer.from(text).toString());
      const inOrder = [...values].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
      const wanted: [WideKind, Scalar | undefined][] = [
        ['first', values[0]],
        ['last', values.at(-1)],
        ['minText', inOrder[0]],
        ['maxText', inOrder.at(-1)],
      ];
      for (const [kind, value] of wanted) {
        const merged = tableOf(kind);
        const cut = intBelow(random, values.length + 1);
        for (const portion of [values.slice(0, cut), values.slice(cut)]) {
          const one = tableOf(kind);
          one.add(new Uint32Array(portion.length).fill(1), 0, [{ values: portion, mask: undefined }]);
          merged.merge(1, sent(one.partials(1)) as unknown[]);
        }
        expect(merged.results(0, [1, 2]), kind).to.deep.equal([value, null]);
      }
    });
  });

  it('keeps false, 0 and the empty text as values', () => {
    for (const value of [false, 0, '']) {
      const table = tableOf('first');
      table.add(Uint32Array.of(1, 1), 0, [{ values: [value, 'later'], mask: undefined }]);
      expect(table.results(0, [1])).to.deep.equal([value]);
    }
  });

  it('leaves out nulls and rows whose mask is 0, and takes each row to its group', () => {
    const table = tableOf('collectList');
    const values = ['before', 'a', null, 'b', 'c', 'd'];
    table.add(Uint32Array.of(2, 1, 2, 1, 2), 1, [{ values, mask: Uint8Array.of(1, 1, 1, 1, 0, 1) }]);
    expect(table.results(0, [1, 2, 3])).to.deep.equal([[], ['a', 'b', 'd'], []]);
  });

  it('lists all values in order, and counts the different ones', () => {
    forSeeds(40, random => {
      const pool: Scalar[] = random() < 0.5 ? texts(random) : texts(random).map(() => randomNumber(random));
      const values = shuffled(random, [...pool, ...pool, ...pool.slice(0, 3)]);
      const list = inPortions(random, () => new AllValues(), values);
      expect(list.result(1)).to.deep.equal(values);
      const set = inPortions(random, () => new DistinctValues(), values);
      expect(set.result(1)).to.equal(new Set(values).size);
      const before = bytesOf(set);
      set.merge(1, set.partial(1));
      expect(bytesOf(set), 'nothing new').to.equal(before);
    });
  });
});
