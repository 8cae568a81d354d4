/** A server that a job connects to may send anything too. */
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import * as arrowLib from 'apache-arrow';
import { expect } from 'chai';
import { int64, nullable, schema, utf8 } from '../../../lib/core/schema.js';
import { arrowFrames } from '../../../lib/sources/receiver/arrow-frames.js';
import { RawSocketReceiver } from '../../../lib/sources/receiver/raw-socket-receiver.js';
import { SocketTextReceiver } from '../../../lib/sources/receiver/socket-text-receiver.js';
import { RunningReceiver } from '../../helpers/running-receiver.js';
import { forSeeds, intBelow } from '../../helpers/random-values.js';

const { Field, RecordBatch, RecordBatchStreamWriter, Schema, Struct, Utf8, makeData, tableFromArrays } = arrowLib;
const columns = schema({ name: nullable(utf8()), n: nullable(int64()) }).columns;

const streamOf = (table: arrowLib.Table): Buffer =>
  Buffer.from(RecordBatchStreamWriter.writeAll(table).toUint8Array(true));
const rowsOf = (count: number): arrowLib.Table =>
  tableFromArrays({
    name: Array.from({ length: count }, (_, i) => `n${i}`),
    n: BigInt64Array.from({ length: count }, (_, i) => BigInt(i)),
  });

/** All messages, whatever pieces the bytes come in. */
async function framesOf(bytes: Buffer, pieceBytes: number, maxBytes: number): Promise<Buffer[]> {
  const pieces = (async function* () {
    for (let at = 0; at < bytes.length; at += pieceBytes) yield bytes.subarray(at, at + pieceBytes);
  })();
  const frames: Buffer[] = [];
  for await (const frame of arrowFrames(pieces, maxBytes)) frames.push(frame);
  return frames;
}

async function refusal(bytes: Buffer, maxBytes: number): Promise<string> {
  try {
    await framesOf(bytes, 1000, maxBytes);
    return '';
  } catch (error) {
    return String(error);
  }
}

describe('arrowFrames', () => {
  it('cuts a stream into its messages, whatever pieces it comes in', async () => {
    const stream = streamOf(rowsOf(100));
    const whole = await framesOf(stream, stream.length, stream.length);
    // Schema, dictionary, record batch, and the end.
    expect(whole.length).to.equal(4);
    expect(Buffer.concat(whole).equals(stream)).to.equal(true);
    for (const pieceBytes of [1, 7, 64, 1000]) {
      expect(await framesOf(stream, pieceBytes, stream.length)).to.deep.equal(whole);
    }
  });

  it('takes a message of its limit, and refuses a longer one before it has come', async () => {
    const stream = streamOf(rowsOf(100));
    const largest = Math.max(...(await framesOf(stream, 64, stream.length)).map(frame => frame.length));
    expect(await refusal(stream, largest)).to.equal('');
    expect(await refusal(stream, largest - 1)).to.match(/a record batch of more than .*, or no Arrow stream at all/);
  });

  it('refuses metadata that says of itself what cannot be, and never anything but that', async () => {
    const stream = streamOf(rowsOf(100));
    let numRefused = 0;
    for (const seed of [1, 2, 3]) {
      const flipped: Buffer[] = [];
      forSeeds(60, random => {
        const bytes = Buffer.from(stream);
        bytes[intBelow(random, bytes.length)] ^= 1 << intBelow(random, 8);
        flipped.push(bytes);
      });
      for (const bytes of flipped) {
        const problem = await refusal(bytes, 1 << 20);
        if (problem !== '') numRefused++;
        expect(problem, `seed ${seed}`).to.match(/^$|no Arrow stream at all|metadata is damaged/);
      }
    }
    expect(numRefused).to.be.greaterThan(5);
  });
});

describe('socket receivers, sent to by somebody hostile', () => {
  let server: Server;
  let sockets: Socket[];
  let onSocket: (socket: Socket) => void;
  const running: RunningReceiver[] = [];
  beforeEach(async () => {
    sockets = [];
    server = createServer(socket => {
      sockets.push(socket.on('error', () => undefined));
      onSocket(socket);
    });
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  });
  afterEach(async () => {
    await Promise.all(running.splice(0).map(one => one.end()));
    for (const socket of sockets) socket.destroy();
    await new Promise(resolve => server.close(resolve));
  });

  const portOf = (): number => (server.address() as AddressInfo).port;
  const start = async (receiver: RunningReceiver): Promise<RunningReceiver> => {
    running.push(receiver);
    await receiver.started;
    return receiver;
  };
  const raw = (): Promise<RunningReceiver> =>
    start(new RunningReceiver(new RawSocketReceiver('127.0.0.1', portOf(), columns), { columns }));

  /** A record batch of one column of texts, whose buffers are as they are given. */
  function textBatch(length: number, offsets: Int32Array, bytes: Uint8Array): Buffer {
    const names = makeData({ type: new Utf8(), length, nullCount: 0, valueOffsets: offsets, data: bytes });
    const fields = [new Field('name', new Utf8(), true), new Field('n', new arrowLib.Int64(), true)];
    const numbers = makeData({ type: new arrowLib.Int64(), length, nullCount: 0, data: new BigInt64Array(length) });
    const data = makeData({ type: new Struct(fields), length, nullCount: 0, children: [names, numbers] });
    return streamOf(new arrowLib.Table([new RecordBatch(new Schema(fields), data)]));
  }

  it('refuse a record batch that has more rows than bytes for them, before they make any', async () => {
    const bytes = streamOf(rowsOf(64));
    // Where the batch says its number of rows: 2^40 of them.
    const rows = Buffer.alloc(8);
    rows.writeBigInt64LE(64n);
    const lie = Buffer.alloc(8);
    lie.writeBigInt64LE(2n ** 40n);
    let numLies = 0;
    for (let at = bytes.indexOf(rows); at >= 0; at = bytes.indexOf(rows, at + 8)) {
      lie.copy(bytes, at);
      numLies++;
    }
    expect(numLies).to.be.greaterThan(1);
    onSocket = socket => socket.end(bytes);
    const one = await raw();
    await one.told('error');
    expect(one.errors[0]).to.match(/reading from tcp:.* failed; connecting again: .*metadata is damaged/);
    expect(one.rows()).to.deep.equal([]);
  });

  it('refuse a record batch of which every row is the same long text', async () => {
    const text = Buffer.alloc(1 << 20, 'x');
    const offsets = Int32Array.from({ length: 2000 }, (_, i) => (i % 2 === 0 ? 0 : text.length));
    onSocket = socket => socket.end(textBatch(1999, offsets, text));
    const one = await raw();
    await one.told('error');
    expect(one.errors[0]).to.match(/a record batch whose texts are more than 64MiB/);
    expect(one.rows()).to.deep.equal([]);
  });

  it('leave out lines longer than the job wants, however they come', async () => {
    onSocket = socket => socket.write(`${'a'.repeat(8)}\n${'b'.repeat(9)}\n${'c'.repeat(8)}\r\n`);
    const one = await start(new RunningReceiver(new SocketTextReceiver('127.0.0.1', portOf(), 'utf8', 8)));
    expect(await one.rowsStored(2)).to.deep.equal(['aaaaaaaa', 'cccccccc']);
    expect(one.errors).to.have.length(1);
    expect(one.errors[0]).to.match(/a line of 9 bytes from tcp:.* was left out: 8 is the most/);
  });

  it('wait for a server that accepts and says nothing, and stop without it', async () => {
    onSocket = () => undefined;
    const one = await start(new RunningReceiver(new SocketTextReceiver('127.0.0.1', portOf(), 'utf8')));
    expect([one.rows(), one.errors]).to.deep.equal([[], []]);
    await one.end();
    expect(one.clock.numTimers).to.equal(0);
  });
});
