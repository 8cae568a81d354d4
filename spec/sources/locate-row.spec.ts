import { expect } from 'chai';
import { makeDecoder } from '../../lib/columnar/decoder.js';
import { csv, ndjson, text, type Format } from '../../lib/core/format.js';
import { int32, schema, utf8 } from '../../lib/core/schema.js';
import { locateRow } from '../../lib/sources/locate-row.js';
import { fullMemory, putAtEnd } from '../columnar/decode-fixture.js';

const columns = schema({ s: utf8(), n: int32() });

/** Records of a format, each with whether it can be read. */
const cases: readonly [string, Format, readonly (readonly [string, boolean])[]][] = [
  [
    'CSV, also with line ends in quotes and records that cannot be read',
    csv(columns, { header: false }),
    [
      ['a,1\n', true],
      ['"b\nb",2\r\n', true],
      ['c,x\n', false],
      ['"d ""d"" , d",4\n', true],
      ['e\n', false],
      ['f,6\n', true],
    ],
  ],
  [
    'NDJSON',
    ndjson(columns),
    [
      ['{"s":"a","n":1}\n', true],
      ['{"n":2,"s":"\\n{"}\r\n', true],
      ['{"s":"c"}\n', false],
      ['{"s":"d","n":4,"more":[{}]}\n', true],
    ],
  ],
  [
    'lines',
    text(),
    [
      ['a\n', true],
      ['\n', true],
      ['c c c\n', true],
    ],
  ],
];

describe('locateRow', () => {
  const memory = fullMemory();

  for (const [name, format, records] of cases) {
    for (const end of ['with', 'without'] as const) {
      it(`says where each record lies: ${name}, the last one ${end} its line end`, () => {
        const texts = records.map(([record], i) =>
          end === 'without' && i === records.length - 1 ? record.trimEnd() : record,
        );
        const bytes = Buffer.from(texts.join(''));
        const address = putAtEnd(memory, bytes);
        const decoder = makeDecoder(memory, format, undefined, undefined);
        let start = 0;
        let row = 0;
        for (const [i, record] of texts.entries()) {
          if (records[i]?.[1] === true) {
            const found = locateRow(decoder, memory, address, bytes.byteLength, row++);
            const located = bytes.subarray(found.start, found.end).toString();
            // What cannot be read before the last record may lie before its start.
            expect(located.endsWith(record), `${JSON.stringify(located)}, not ${JSON.stringify(record)}`).to.equal(
              true,
            );
            expect(found.start, `start of ${JSON.stringify(record)}`).to.equal(start);
            expect(found.end).to.equal(start + record.length);
          }
          start += record.length;
        }
        expect(row).to.be.greaterThan(1);
      });
    }
  }
});
