import { expect } from 'chai';
import { csvRecordEnd } from '../../lib/columnar/decoder.js';
import { QuoteScan } from '../../lib/sources/record-borders.js';
import { forSeeds, intBelow, pick, type Random } from '../helpers/random-values.js';

/** Offsets behind each record's end, one record after another. */
function bordersOf(bytes: Buffer): number[] {
  const borders: number[] = [];
  for (let at = 0; ;) {
    const length = csvRecordEnd(bytes.subarray(at), ',');
    if (length < 0) return borders;
    borders.push((at += length));
  }
}

function randomText(random: Random): Buffer {
  const pieces = ['"', '""', '",', ',"', '\n', '\r\n', ',', 'abc', 'x', '\n"'];
  return Buffer.from(Array.from({ length: intBelow(random, 60) }, () => pick(random, pieces)).join(''));
}

describe('QuoteScan', () => {
  it('finds the last record end of each block, wherever blocks are cut, in any bytes', () => {
    forSeeds(500, random => {
      const bytes = randomText(random);
      const scan = new QuoteScan(',');
      for (let start = 0; start < bytes.length;) {
        const end = Math.min(bytes.length, start + 1 + intBelow(random, 7));
        const found = scan.lastBorder(bytes.subarray(start, end));
        const wanted = bordersOf(bytes).findLast(border => border > start && border <= end) ?? -1;
        expect(found < 0 ? -1 : start + found, `${JSON.stringify(bytes.toString())} ${start} ${end}`).to.equal(wanted);
        start = end;
      }
    });
  });

  it('finds the first record end, wherever blocks are cut', () => {
    forSeeds(500, random => {
      const bytes = randomText(random);
      const scan = new QuoteScan(',');
      let found = -1;
      for (let start = 0; start < bytes.length && found < 0;) {
        const end = Math.min(bytes.length, start + 1 + intBelow(random, 7));
        const at = scan.firstBorder(bytes.subarray(start, end));
        if (at >= 0) found = start + at;
        start = end;
      }
      expect(found, JSON.stringify(bytes.toString())).to.equal(bordersOf(bytes)[0] ?? -1);
    });
  });
});
