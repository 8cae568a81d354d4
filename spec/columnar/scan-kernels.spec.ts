import { expect } from 'chai';
import { kernels } from '../../lib/columnar/kernels.js';
import { makeDecoder } from '../../lib/columnar/decoder.js';
import { rowsOf } from '../../lib/columnar/rows.js';
import { csv } from '../../lib/core/format.js';
import { float64, int64, schema, timestamp } from '../../lib/core/schema.js';
import { forSeeds, intBelow, pick } from '../helpers/random-values.js';
import { csvValue } from './csv-oracle.js';
import { fullMemory, putAtEnd } from './decode-fixture.js';

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

function isUtf8(bytes: Uint8Array): boolean {
  try {
    decoder.decode(bytes);
    return true;
  } catch {
    return false;
  }
}

describe('scan kernels', () => {
  const memory = fullMemory();
  const k = kernels(memory);

  const valid = (bytes: Uint8Array): boolean => {
    const address = putAtEnd(memory, bytes);
    return k.validUtf8(address, address + bytes.byteLength) === 1;
  };

  it('tell UTF-8 from everything else, for every two bytes and every lead with three behind it', () => {
    const padding = Buffer.alloc(40, 'x');
    for (let first = 0x80; first < 256; first++) {
      for (let second = 0; second < 256; second += second < 0x70 ? 16 : 1) {
        for (const rest of first < 0xe0 ? [[]] : [[0x80], [0xbf, 0x80], [0x80, 0x41], [0xc0, 0x80]]) {
          const place = (first + second) % 20;
          const bytes = Buffer.concat([
            padding.subarray(0, place),
            Buffer.from([first, second, ...rest]),
            padding.subarray(0, place % 3),
          ]);
          if (valid(bytes) !== isUtf8(bytes))
            expect.fail(`${bytes.toString('hex')} is ${isUtf8(bytes) ? '' : 'not '}UTF-8`);
        }
      }
    }
  });

  it('tell UTF-8 from everything else in random text with bytes changed', () => {
    const pieces = ['a', 'some ascii text', '\u00e9', '\u20ac', '\u{1f600}', '\ud7ff', '\ue000', '\u{10ffff}'].map(
      text => Buffer.from(text),
    );
    forSeeds(3000, random => {
      const bytes = Buffer.concat(Array.from({ length: intBelow(random, 20) }, () => pick(random, pieces)));
      if (bytes.length > 0 && random() < 0.6) bytes[intBelow(random, bytes.length)] = intBelow(random, 256);
      const cut = bytes.subarray(intBelow(random, 3), bytes.length - intBelow(random, 3));
      if (valid(cut) !== isUtf8(cut)) expect.fail(cut.toString('hex'));
    });
  });

  it('find the last line end at every distance', () => {
    for (let length = 0; length < 70; length++) {
      for (let at = -1; at < length; at++) {
        const bytes = Buffer.alloc(length, 'x');
        if (at >= 0) bytes[at] = 10;
        const address = putAtEnd(memory, bytes);
        expect((k.lastLineEnd(address, address + length) >>> 0) - address).to.equal(at + 1);
      }
    }
  });

  it('count what they index, over regions longer than their lanes count to', () => {
    forSeeds(8, random => {
      const bytes = Buffer.from(
        Array.from({ length: 9000 + intBelow(random, 100) }, () => pick(random, [10, 10, 34, 44, 92, 120])),
      );
      const address = putAtEnd(memory, bytes);
      const end = address + bytes.length;
      const result = memory.scratch(16);
      const index = memory.scratch((bytes.length + 16) * 4);
      const marks = (wanted: readonly number[]): number[] =>
        Array.from(bytes.keys()).filter(i => wanted.includes(bytes[i] ?? 0));
      const indexed = (count: number): number[] =>
        Array.from(memory.u32.subarray(index >>> 2, (index >>> 2) + count), at => at - address);
      k.csvCount(address, end, 44, result);
      const [numMarks, numLines, notAscii, doubled] = memory.u32.subarray(result >>> 2, (result >>> 2) + 4);
      expect([numLines, notAscii, doubled !== 0]).to.deep.equal([marks([10]).length, 0, true]);
      expect(k.csvIndex(address, end, 44, index)).to.equal(numMarks);
      expect(indexed(numMarks ?? 0)).to.deep.equal(marks([10, 34, 44]));
      k.lineCount(address, end, result);
      expect(memory.u32[result >>> 2]).to.equal(numLines);
      memory.resetScratch();
    });
  });

  const numbers = schema({ value: float64() });

  /** The column as decoded; the last row has no line end and so is decided without the kernels. */
  const decodeOne = (format: ReturnType<typeof csv>, texts: readonly string[]): unknown[] => {
    const input = Buffer.from(`${texts.join('\n')}\n`);
    const { chunk, bad } = makeDecoder(memory, format, undefined, undefined).decode(
      putAtEnd(memory, input),
      input.length,
      false,
    );
    expect(bad.map(slice => slice.reason)).to.deep.equal([]);
    const values = rowsOf(chunk).map(row => (row as { value: unknown }).value);
    memory.resetScratch();
    return values;
  };

  it('parse decimals to the very double that Number gives', () => {
    forSeeds(40, random => {
      const texts = Array.from({ length: 200 }, () => {
        const digits = String(intBelow(random, 10 ** intBelow(random, 16)));
        const point = intBelow(random, digits.length + 1);
        const exponent =
          random() < 0.5 ? '' : `${pick(random, ['e', 'E'])}${pick(random, ['', '+', '-'])}${intBelow(random, 30)}`;
        const plain = `${pick(random, ['', '-', '+'])}${digits.slice(0, point) || '0'}.${digits.slice(point)}${exponent}`;
        return pick(random, [
          plain,
          String((random() - 0.5) * 10 ** intBelow(random, 40)),
          String(random()),
          `${digits}${exponent}`,
        ]);
      });
      expect(decodeOne(csv(numbers), texts)).to.deep.equal(texts.map(Number));
    });
  });

  it('parse integers of every length', () => {
    forSeeds(20, random => {
      const texts = Array.from({ length: 200 }, () => {
        const value = Math.floor(random() * 2 ** intBelow(random, 54));
        return `${pick(random, ['', '-', '+'])}${'0'.repeat(random() < 0.1 ? intBelow(random, 20) : 0)}${value}`;
      });
      expect(decodeOne(csv(schema({ value: int64() })), texts)).to.deep.equal(texts.map(text => Number(text) + 0));
    });
  });

  it('parse instants as Date.parse does, from the year 1 to 9999, impossible days of a month included', () => {
    const column = { name: 'value', kind: 'timestamp', nullable: false } as const;
    const two = (value: number): string => String(value).padStart(2, '0');
    forSeeds(20, random => {
      const texts = Array.from({ length: 200 }, () => {
        const year = String(1 + intBelow(random, pick(random, [9999, 2100]))).padStart(4, '0');
        const date = `${year}-${two(1 + intBelow(random, 12))}-${two(1 + intBelow(random, 31))}`;
        const time = `${two(intBelow(random, 24))}:${two(intBelow(random, 60))}:${two(intBelow(random, 60))}`;
        const ms = pick(random, ['', `.${String(intBelow(random, 1000)).padStart(3, '0')}`, '.5', '.123456']);
        const zone = pick(random, ['', 'Z', '+05:30', '-0800']);
        return pick(random, [
          date,
          `${date}T${time}${ms}${zone}`,
          `${date} ${time}${ms}${zone}`,
          `${date}T${time.slice(0, 5)}${zone}`,
        ]);
      });
      expect(decodeOne(csv(schema({ value: timestamp() })), texts)).to.deep.equal(
        texts.map(text => csvValue(column, text, false)),
      );
    });
  });
});
