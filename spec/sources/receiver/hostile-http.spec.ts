/** Whoever can reach the port may send anything: what comes of it, to the byte. */
import { connect, type Socket } from 'node:net';
import { text as textOf } from 'node:stream/consumers';
import { expect } from 'chai';
import { ndjson, text } from '../../../lib/core/format.js';
import { int64, schema, utf8 } from '../../../lib/core/schema.js';
import { checkedHttp, type HttpStreamOptions } from '../../../lib/api/receiver-streams.js';
import { HttpReceiver } from '../../../lib/sources/receiver/http-receiver.js';
import { RunningReceiver } from '../../helpers/running-receiver.js';

describe('HttpReceiver, sent to by somebody hostile', () => {
  const running: RunningReceiver[] = [];
  afterEach(async () => {
    await Promise.all(running.splice(0).map(one => one.end()));
  });

  async function start(options: object = {}, timeouts: object = {}): Promise<RunningReceiver> {
    const checked = checkedHttp({ port: 0, format: text(), ...options } as HttpStreamOptions<unknown>);
    const one = new RunningReceiver(new HttpReceiver({ ...checked, ...timeouts }), { queueBytes: 64 << 20 });
    running.push(one);
    await one.started;
    return one;
  }

  const open = (to: RunningReceiver): Socket => {
    const { hostname, port } = new URL(to.receiver.location);
    return connect(Number(port), hostname).on('error', () => undefined);
  };
  /** Everything that is answered to these bytes, after which the sender says no more. */
  const sent = (to: RunningReceiver, bytes: string | Buffer): Promise<string> => {
    const socket = open(to);
    socket.end(bytes);
    return textOf(socket);
  };
  const statuses = (answers: string): number[] =>
    [...answers.matchAll(/HTTP\/1\.1 (\d{3})/g)].map(([, status]) => Number(status));
  const post = (body: string, ...headers: readonly string[]): string =>
    ['POST / HTTP/1.1', 'host: x', ...headers, '', body].join('\r\n');
  const plain = (body: string, ...headers: readonly string[]): string =>
    post(body, `content-length: ${body.length}`, ...headers);
  const chunked = (...chunks: readonly string[]): string =>
    post(chunks.map(chunk => `${chunk.length.toString(16)}\r\n${chunk}\r\n`).join(''), 'transfer-encoding: chunked');

  it('answers requests that come at once one after another, each with its own number', async () => {
    const http = await start();
    const requests = ['1', '1\n2', '1\n2\n3'].map(body => plain(body));
    const answers = await sent(http, requests.join(''));
    expect(statuses(answers)).to.deep.equal([200, 200, 200]);
    expect([...answers.matchAll(/"records":(\d)/g)].map(([, n]) => n)).to.deep.equal(['1', '2', '3']);
    expect(http.rows()).to.deep.equal(['1', '1', '2', '1', '2', '3']);
  });

  it('stores nothing of a chunked body that is cut short, or whose chunks are none', async () => {
    const http = await start();
    expect(statuses(await sent(http, chunked('one\n', 'two\n')))).to.deep.equal([400]);
    expect(statuses(await sent(http, `${chunked('one\n')}zz\r\n`))).to.deep.equal([400]);
    expect(statuses(await sent(http, `${chunked('one\n')}ffffffffffffffffff\r\n`))).to.deep.equal([400]);
    expect(http.rows()).to.deep.equal([]);
    expect(statuses(await sent(http, `${chunked('one\n', 'two')}0\r\n\r\n`))).to.deep.equal([200]);
    expect(http.rows()).to.deep.equal(['one', 'two']);
  });

  it('believes no content-length that is wrong', async () => {
    const http = await start();
    // Longer than what comes: the sender went away in the middle.
    expect(statuses(await sent(http, post('abc', 'content-length: 4')))).to.deep.equal([400]);
    expect(http.rows()).to.deep.equal([]);
    // Two lengths, or two ways to tell the length, are how requests are smuggled through a proxy.
    for (const headers of [
      ['content-length: 1', 'content-length: 2'],
      ['content-length: 3', 'transfer-encoding: chunked'],
      ['content-length: -1'],
      ['content-length: 3x'],
      ['content-length: 99999999999999999999'],
    ]) {
      expect(statuses(await sent(http, post('abc', ...headers))), headers.join()).to.deep.equal([400]);
    }
    expect(http.rows()).to.deep.equal([]);
    // Shorter: what is beyond would be the next request, and is none, which may be told before the first is stored.
    expect(statuses(await sent(http, post('abcdef', 'content-length: 3'))).at(-1)).to.equal(400);
    expect(await http.rowsStored(1)).to.deep.equal(['abc']);
  });

  it('refuses more records than a request may have, and one that is too long, whole', async () => {
    const http = await start({ maxBodyRecords: 1000, maxRecordBytes: 50 });
    const many = await sent(http, plain('\n'.repeat(1001), 'connection: close'));
    expect(many).to.match(/^HTTP\/1\.1 413 [^]*at most 1000 records in a request wanted/);
    const long = await sent(http, plain(`short\n${'y'.repeat(51)}`, 'connection: close'));
    expect(long).to.match(/^HTTP\/1\.1 400 [^]*line 2: a record of at most 50 bytes wanted, got 51/);
    expect(http.rows()).to.deep.equal([]);
    expect(statuses(await sent(http, plain('\n'.repeat(1000))))).to.deep.equal([200]);
  });

  it('reads 100 MB that nobody asked for no further than its limit', async () => {
    const http = await start({ maxBodyBytes: 1 << 20 });
    const socket = open(http);
    const closed = new Promise(resolve => socket.once('close', resolve));
    const answer = textOf(socket).catch(() => '');
    socket.write('POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n');
    const piece = `100000\r\n${'z'.repeat(1 << 20)}\r\n`;
    let written = 0;
    while (written < 100 && !socket.destroyed) {
      await Promise.race([new Promise(resolve => socket.write(piece, resolve)), closed]);
      written++;
    }
    await closed;
    expect(await answer).to.match(/^(HTTP\/1\.1 413|$)/);
    expect(written).to.be.lessThan(100);
    expect(http.rows()).to.deep.equal([]);
  });

  it('closes a connection that says nothing, and one that says its headers letter by letter', async () => {
    const http = await start({}, { requestTimeoutMs: 50 });
    const silent = open(http);
    const slow = open(http);
    const closed = Promise.all([silent, slow].map(socket => new Promise(resolve => socket.once('close', resolve))));
    for (const socket of [silent, slow]) socket.resume();
    slow.write('POST / HT');
    // Without its end: the other half stays open until the server closes it.
    expect(statuses(await sent(http, plain('quick')))).to.deep.equal([200]);
    await closed;
    expect(http.rows()).to.deep.equal(['quick']);
  });

  it('takes as many connections as it was told, and again when one of them has gone', async () => {
    const http = await start({ maxConnections: 2 });
    const held = [open(http), open(http)];
    for (const socket of held) await new Promise(resolve => socket.write('POST / HTTP/1.1\r\n', resolve));
    expect(await sent(http, plain('third')).catch(() => '')).to.equal('');
    const freed = new Promise(resolve => held[0]?.once('close', resolve));
    held[0]?.end('\r\n');
    held[0]?.resume();
    await freed;
    for (let status: number[] = []; status[0] !== 200;) {
      status = statuses(await sent(http, plain('again', 'connection: close')).catch(() => ''));
    }
    expect(http.rows()).to.deep.equal(['again']);
    held[1]?.destroy();
  });

  it('makes nothing of JSON but the values of the declared columns', async () => {
    const http = await start({ format: ndjson(schema({ user: utf8(), n: int64() })) });
    const lines = [
      '{"user":"a","n":1,"__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}}}',
      '{"user":"__proto__","n":2,"toString":1,"hasOwnProperty":2}',
    ];
    expect(statuses(await sent(http, plain(lines.join('\n'))))).to.deep.equal([200]);
    expect(http.rows()).to.deep.equal([
      { user: 'a', n: 1 },
      { user: '__proto__', n: 2 },
    ]);
    expect({}).to.not.have.property('polluted');
    const deep = '['.repeat(100_000);
    expect(statuses(await sent(http, plain(deep, 'connection: close')))).to.deep.equal([400]);
  });

  it('escapes nothing into its answer: a bad line comes back as JSON, and no header of the sender does', async () => {
    const http = await start({ format: ndjson(schema({ n: int64() })) });
    const answer = await sent(http, plain('{"n":"\u001b[2J<script>"}', 'x-evil: a', 'connection: close'));
    expect(answer).to.match(/^HTTP\/1\.1 400 /);
    expect(answer).to.match(/content-type: application\/json/);
    // oxlint-disable-next-line no-control-regex -- what a terminal would obey
    expect(answer).to.not.match(/\u001b|x-evil/);
  });
});
