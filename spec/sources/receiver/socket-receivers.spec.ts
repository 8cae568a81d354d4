import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { RecordBatchStreamWriter, tableFromArrays } from 'apache-arrow';
import { expect } from 'chai';
import { float64, int64, nullable, schema, utf8 } from '../../../lib/core/schema.js';
import { RawSocketReceiver } from '../../../lib/sources/receiver/raw-socket-receiver.js';
import { MAX_LINE_BYTES, SocketTextReceiver } from '../../../lib/sources/receiver/socket-text-receiver.js';
import type { Receiver } from '../../../lib/sources/receiver/receiver.js';
import { RunningReceiver, type RunningReceiverOptions } from '../../helpers/running-receiver.js';

/** A TCP server that gives its connections to the spec, one after another. */
class Feed {
  readonly server: Server;
  readonly #sockets: Socket[] = [];
  readonly #waiting: ((socket: Socket) => void)[] = [];
  readonly all: Socket[] = [];

  constructor() {
    this.server = createServer(socket => {
      this.all.push(socket);
      socket.on('error', () => undefined);
      const next = this.#waiting.shift();
      if (next === undefined) this.#sockets.push(socket);
      else next(socket);
    });
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  connection(): Promise<Socket> {
    const socket = this.#sockets.shift();
    return socket === undefined ? new Promise(resolve => this.#waiting.push(resolve)) : Promise.resolve(socket);
  }

  async close(): Promise<void> {
    for (const socket of this.all) socket.destroy();
    await new Promise(resolve => this.server.close(resolve));
  }
}

describe('socket receivers', () => {
  let feed: Feed;
  let running: RunningReceiver[];
  beforeEach(async () => {
    running = [];
    feed = new Feed();
    await new Promise<void>(resolve => feed.server.listen(0, '127.0.0.1', resolve));
  });
  afterEach(async () => {
    await Promise.all(running.map(one => one.end()));
    expect(running.map(one => one.clock.numTimers)).to.deep.equal(running.map(() => 0));
    await feed.close();
  });

  const run = async (receiver: Receiver<never>, options?: RunningReceiverOptions): Promise<RunningReceiver> => {
    const one = new RunningReceiver(receiver as Receiver<unknown>, options);
    running.push(one);
    await one.started;
    return one;
  };
  const textFrom = (encoding: 'utf8' | 'latin1' = 'utf8', options?: RunningReceiverOptions): Promise<RunningReceiver> =>
    run(new SocketTextReceiver('127.0.0.1', feed.port, encoding) as Receiver<never>, options);

  describe('SocketTextReceiver', () => {
    it('stores lines, whatever the packets they come in, characters cut by one too', async () => {
      const one = await textFrom();
      const socket = await feed.connection();
      const bytes = Buffer.from('first\r\nsecond Grüße €\n\nfourth\n');
      for (const byte of bytes) await new Promise(resolve => socket.write(Buffer.from([byte]), resolve));
      expect(await one.rowsStored(4)).to.deep.equal(['first', 'second Grüße €', '', 'fourth']);
    });

    it('takes a last line without its end when the server ends in order, and connects again after 2 s', async () => {
      const one = await textFrom();
      (await feed.connection()).end('whole\nlast');
      expect(await one.rowsStored(2)).to.deep.equal(['whole', 'last']);
      await one.told('error');
      expect(one.errors[0]).to.match(/^tcp:\/\/127\.0\.0\.1:\d+ ended the connection; connecting again$/);
      while (one.clock.numTimers === 0) await new Promise(resolve => setImmediate(resolve));
      one.clock.advanceTo(one.clock.now() + 2000);
      (await feed.connection()).write('again\n');
      expect(await one.rowsStored(3)).to.deep.equal(['whole', 'last', 'again']);
    });

    it('leaves out half a line of a server that vanishes', async () => {
      const one = await textFrom();
      const socket = await feed.connection();
      socket.write('whole\nhal');
      await one.rowsStored(1);
      socket.resetAndDestroy();
      await one.told('error');
      expect(one.errors[0]).to.match(/reading from tcp:.* failed; connecting again: .*ECONNRESET/);
      expect(one.rows()).to.deep.equal(['whole']);
    });

    it('leaves out a line of 100 MB, says so, and holds none of it in memory', async () => {
      const one = await textFrom('utf8', { queueBytes: 4 * MAX_LINE_BYTES });
      const socket = await feed.connection();
      const piece = Buffer.alloc(1 << 20, 'x');
      socket.write('before\n');
      for (let i = 0; i < 100; i++) await new Promise(resolve => socket.write(piece, resolve));
      socket.write(`\n${'y'.repeat(MAX_LINE_BYTES)}\r\n${'z'.repeat(MAX_LINE_BYTES + 1)}\nafter\n`);
      const rows = await one.rowsStored(3);
      expect(rows.map(row => String(row).slice(0, 6))).to.deep.equal(['before', 'yyyyyy', 'after']);
      expect(one.errors).to.have.length(2);
      expect(one.errors[0]).to.match(/a line of 104857600 bytes from tcp:.* was left out: 1MiB is the most/);
    });

    it('makes text of garbage', async () => {
      const one = await textFrom();
      (await feed.connection()).write(Buffer.from([0xff, 0x00, 0x41, 0x0a]));
      expect(await one.rowsStored(1)).to.deep.equal(['\ufffd\u0000A']);
      const other = await textFrom('latin1');
      (await feed.connection()).write(Buffer.from([0xff, 0x0a]));
      expect(await other.rowsStored(1)).to.deep.equal(['ÿ']);
    });

    it('reads no further while its queue is full', async () => {
      const one = await textFrom('utf8', { queueBytes: 1000 });
      const socket = await feed.connection();
      const line = `${'w'.repeat(99)}\n`;
      const numLines = 200_000;
      let isWritten = false;
      socket.write(line.repeat(numLines), () => (isWritten = true));
      await one.rowsStored(10);
      for (let i = 0; i < 50; i++) await new Promise(resolve => setImmediate(resolve));
      expect(one.rows()).to.have.length(10);
      expect(isWritten).to.equal(false);
      one.takeAll();
      expect(await one.rowsStored(20)).to.have.length(20);
      expect(isWritten).to.equal(false);
    });

    it('tries again when nobody listens', async () => {
      const { port } = feed;
      await feed.close();
      const one = new RunningReceiver(new SocketTextReceiver('127.0.0.1', port, 'utf8'));
      running.push(one);
      await one.told('error');
      expect(one.errors[0]).to.match(/it could not be started: connect ECONNREFUSED/);
      feed = new Feed();
      await new Promise<void>(resolve => feed.server.listen(port, '127.0.0.1', resolve));
      one.clock.advanceTo(one.clock.now() + 2000);
      (await feed.connection()).write('there\n');
      expect(await one.rowsStored(1)).to.deep.equal(['there']);
    });
  });

  describe('RawSocketReceiver', () => {
    const columns = schema({ name: utf8(), n: int64(), x: nullable(float64()) }).columns;
    const arrow = (): Promise<RunningReceiver> =>
      run(new RawSocketReceiver('127.0.0.1', feed.port, columns) as Receiver<never>, { columns });
    const stream = (arrays: Record<string, unknown>): Buffer =>
      Buffer.from(RecordBatchStreamWriter.writeAll(tableFromArrays(arrays as never)).toUint8Array(true));

    it('stores the rows of record batches, by the names of their columns', async () => {
      const one = await arrow();
      const bytes = stream({ n: [1n, 2n], more: [true, false], x: [0.5, null], name: ['a', 'b'] });
      const socket = await feed.connection();
      for (let at = 0; at < bytes.length; at += 7) {
        await new Promise(resolve => socket.write(bytes.subarray(at, at + 7), resolve));
      }
      expect(await one.rowsStored(2)).to.deep.equal([
        { name: 'a', n: 1, x: 0.5 },
        { name: 'b', n: 2, x: null },
      ]);
    });

    it('connects anew after a stream that does not fit, or is none', async () => {
      const one = await arrow();
      for (const [bytes, expected] of [
        [stream({ name: ['a'], x: [1] }), /a stream with the columns n was wanted, it has name, x/],
        [stream({ name: ['a'], n: [2n ** 60n], x: [1] }), /column n wants int64/],
        [Buffer.alloc(100_000, 0x41), /reading from tcp|more than 64MiB|ended the connection/],
      ] as const) {
        const before = one.errors.length;
        (await feed.connection()).end(bytes);
        while (!one.errors.slice(before).some(message => /connecting again/.test(message)))
          await new Promise(resolve => setImmediate(resolve));
        expect(one.errors.slice(before).join('; ')).to.match(expected);
        while (one.clock.numTimers === 0) await new Promise(resolve => setImmediate(resolve));
        one.clock.advanceTo(one.clock.now() + 2000);
      }
      (await feed.connection()).write(stream({ name: ['ok'], n: [1n], x: [null] }));
      expect(await one.rowsStored(1)).to.deep.equal([{ name: 'ok', n: 1, x: null }]);
    });

    it('reads no more than 64 MiB for one record batch', async () => {
      const one = await arrow();
      const socket = await feed.connection();
      // What an Arrow message begins with, and a length of its metadata that is a lie.
      const head = Buffer.alloc(8);
      head.writeInt32LE(-1, 0);
      head.writeInt32LE(2 ** 31 - 8, 4);
      socket.write(head);
      const piece = Buffer.alloc(1 << 20);
      socket.on('error', () => undefined);
      for (let i = 0; i < 80 && !socket.destroyed; i++) await new Promise(resolve => socket.write(piece, resolve));
      await one.told('error');
      expect(one.errors[0]).to.match(/a record batch of more than 64MiB, or no Arrow stream at all/);
    });
  });
});
