/** Record batches that are short as bytes and would be large as rows. */
import * as arrowLib from 'apache-arrow';
import { expect } from 'chai';
import { isSoundArrowMessage } from '../../lib/core/arrow-verify.js';
import { arrowBodyStart } from '../../lib/core/arrow-record-batch.js';
import { arrow as arrowFormat, type ArrowFormat } from '../../lib/core/format.js';
import { nullable, schema, utf8 } from '../../lib/core/schema.js';
import { arrowMessage } from '../../lib/core/arrow-message.js';
import { ArrowDecoder, type ArrowDecoded } from '../../lib/columnar/decode-arrow.js';
import { loadArrow } from '../../lib/columnar/arrow.js';
import { newMemory } from './key-fixture.js';

const { Field, RecordBatch, RecordBatchStreamWriter, Schema, Struct, Utf8, makeData } = arrowLib;
const format = arrowFormat(schema({ name: nullable(utf8()) })) as unknown as ArrowFormat;

/** The messages of a stream of one column. */
function messagesOf(data: arrowLib.Data): Uint8Array[] {
  const fields = [new Field('name', data.type, true)];
  const rows = makeData({ type: new Struct(fields), length: data.length, nullCount: 0, children: [data] });
  const batch = new RecordBatch(new Schema(fields), rows as arrowLib.Data<arrowLib.Struct>);
  let bytes = RecordBatchStreamWriter.writeAll(new arrowLib.Table([batch])).toUint8Array(true);
  const messages: Uint8Array[] = [];
  for (let message = arrowMessage(bytes); 'bytes' in message; message = arrowMessage(bytes)) {
    messages.push(bytes.slice(0, message.bytes));
    bytes = bytes.subarray(message.bytes);
  }
  return messages;
}

function decode([schema = new Uint8Array(), ...others]: readonly Uint8Array[]): ArrowDecoded {
  const memory = newMemory();
  const decoder = new ArrowDecoder(memory, format, undefined);
  decoder.schema(schema);
  const batch = others.pop() ?? new Uint8Array();
  for (const dictionary of others) decoder.dictionary(dictionary);
  const bodyStart = arrowBodyStart(batch);
  return decoder.recordBatch(batch.subarray(0, bodyStart), batch.length, (offset, target) =>
    target.set(batch.subarray(bodyStart + offset, bodyStart + offset + target.length)),
  );
}

describe('a record batch from somebody hostile', () => {
  before(loadArrow);

  it('is not read when it has more rows than its bytes have bits, in the batch or in a column', () => {
    const offsets = Int32Array.from({ length: 78 }, () => 0);
    const sound = messagesOf(
      makeData({ type: new Utf8(), length: 77, nullCount: 0, valueOffsets: offsets, data: new Uint8Array(8) }),
    );
    expect(decode(sound)).to.deep.include({ problem: undefined, bad: [] });
    const batch = Buffer.from(sound.at(-1) ?? []);
    const rows = Buffer.alloc(8);
    rows.writeBigInt64LE(77n);
    const places: number[] = [];
    for (let at = batch.indexOf(rows); at >= 0; at = batch.indexOf(rows, at + 1)) places.push(at);
    expect(places.length).to.be.at.least(2);
    for (const at of places) {
      for (const lie of [2n ** 40n, 2n ** 62n, -1n]) {
        const lying = Buffer.from(batch);
        lying.writeBigInt64LE(lie, at);
        expect(isSoundArrowMessage(lying), `${lie} at ${at}`).to.equal(false);
        expect(decode([...sound.slice(0, -1), lying]).problem).to.match(/metadata is damaged/);
      }
    }
  });

  it('is not read when offsets behind null rows lead back to the same text', () => {
    const text = Buffer.alloc(1 << 16, 'x');
    const offsets = Int32Array.from({ length: 200 }, (_, i) => (i % 2 === 0 ? 0 : text.length));
    // Every second row is null: the row that leads back from the end of the text to its beginning.
    const nullBitmap = new Uint8Array(25).fill(0x55);
    const data = makeData({
      type: new Utf8(),
      length: 199,
      nullCount: 99,
      nullBitmap,
      valueOffsets: offsets,
      data: text,
    });
    expect(decode(messagesOf(data)).problem).to.match(/an offset of a text leads out of the texts/);
  });

  it('is not read when its rows refer to more than 512 MiB of one text', () => {
    const type = new arrowLib.Dictionary(new Utf8(), new arrowLib.Int32());
    const dictionary = arrowLib.vectorFromArray(['x'.repeat(1 << 20)], new Utf8());
    const rowsOf = (length: number): Uint8Array[] =>
      messagesOf(makeData({ type, length, nullCount: 0, data: new Int32Array(length), dictionary }));
    expect(decode(rowsOf(512))).to.deep.include({ problem: undefined, bad: [] });
    expect(decode(rowsOf(513)).problem).to.match(/the texts of column name are more than 512 MiB/);
  });
});
