import { request as httpRequest, type IncomingHttpHeaders } from 'node:http';
import { connect, createServer, type AddressInfo } from 'node:net';
import { text as textOf } from 'node:stream/consumers';
import { expect } from 'chai';
import { ndjson, text } from '../../../lib/core/format.js';
import { int64, schema, utf8 } from '../../../lib/core/schema.js';
import { checkedHttp, type HttpStreamOptions } from '../../../lib/api/receiver-streams.js';
import { HttpReceiver } from '../../../lib/sources/receiver/http-receiver.js';
import { RunningReceiver } from '../../helpers/running-receiver.js';

const TOKEN = 'correct-horse';
const events = schema({ user: utf8(), n: int64() });

describe('HttpReceiver', () => {
  const running: RunningReceiver[] = [];
  afterEach(async () => {
    await Promise.all(running.splice(0).map(one => one.end()));
  });

  async function start<R>(
    options: Partial<HttpStreamOptions<R>> = {},
    limits: { readonly queueBytes?: number; readonly maxRate?: number } = {},
  ): Promise<RunningReceiver> {
    const checked = checkedHttp({ port: 0, format: text(), ...options } as HttpStreamOptions<unknown>);
    const one = new RunningReceiver(new HttpReceiver(checked), limits);
    running.push(one);
    await one.started;
    return one;
  }

  interface Sent {
    readonly method?: string;
    readonly headers?: Record<string, string | number>;
    readonly path?: string;
  }

  async function post(
    to: RunningReceiver,
    body: string | Buffer,
    sent: Sent = {},
  ): Promise<{ status: number; body: string; headers: IncomingHttpHeaders }> {
    const url = new URL(to.receiver.location);
    return new Promise((resolve, reject) => {
      const request = httpRequest(
        {
          host: url.hostname,
          port: url.port,
          path: sent.path ?? url.pathname,
          method: sent.method ?? 'POST',
          headers: sent.headers ?? {},
          agent: false,
        },
        response => {
          textOf(response).then(
            answer => resolve({ status: response.statusCode ?? 0, body: answer, headers: response.headers }),
            reject,
          );
        },
      );
      request.on('error', reject);
      request.end(body);
    });
  }

  it('says where it listens, and answers 200 when the lines are in the log', async () => {
    const http = await start();
    expect(http.receiver.location).to.match(/^http:\/\/127\.0\.0\.1:\d+\/$/);
    const answer = await post(http, 'one\r\ntwo\n\nlast');
    expect(answer).to.deep.include({ status: 200, body: '{"records":4}\n' });
    expect(http.rows()).to.deep.equal(['one', 'two', '', 'last']);
  });

  it('answers only when the log is synced, and not 200 when it cannot be', async () => {
    const http = await start();
    const release = http.holdSync();
    let isAnswered = false;
    const answer = post(http, 'one').finally(() => (isAnswered = true));
    await http.syncBegun();
    expect(isAnswered).to.equal(false);
    release();
    expect((await answer).status).to.equal(200);
    http.fs.failNext('write', 'ENOSPC', '.blocks');
    expect((await post(http, 'two')).status).to.equal(503);
    expect(http.failed?.code).to.equal('checkpointUnwritable');
    expect(http.rows()).to.deep.equal(['one']);
  });

  it('takes rows of JSON with the declared columns only, all of a request or none', async () => {
    const http = await start({ format: ndjson(events), path: '/in' });
    const good = await post(http, '{"user":"a","n":1,"more":true}\n\n{"n":2,"user":"b"}\n');
    expect(good.body).to.equal('{"records":2}\n');
    for (const [bad, line, reason] of [
      ['{"user":"c","n":1}\n{"user":"d"}\n', 2, /column n wants int64, got nothing/],
      ['{"user":"c","n":1}\n\n{"user":', 3, /a JSON object wanted/],
      ['[1]', 1, /a JSON object wanted, got array/],
      [Buffer.from([0x7b, 0xff, 0x7d]), 1, /UTF-8/],
      ['{"__proto__":{"user":"e","n":1}}', 1, /column user wants utf8, got nothing/],
    ] as const) {
      const answer = await post(http, bad);
      expect(answer.status, String(bad)).to.equal(400);
      expect(JSON.parse(answer.body)).to.have.property('line', line);
      expect(JSON.parse(answer.body).error).to.match(reason);
    }
    expect(http.rows()).to.deep.equal([
      { user: 'a', n: 1 },
      { user: 'b', n: 2 },
    ]);
  });

  it('refuses a wrong token, another path, another method, and a compressed body, and stores nothing of them', async () => {
    const http = await start({ token: TOKEN, path: '/in' });
    const authorization = `Bearer ${TOKEN}`;
    expect((await post(http, 'x')).status).to.equal(401);
    const wrong = await post(http, 'x', { headers: { authorization: `Bearer ${TOKEN}x` } });
    expect([wrong.status, wrong.headers['www-authenticate']]).to.deep.equal([401, 'Bearer']);
    expect((await post(http, 'x', { headers: { authorization }, path: '/' })).status).to.equal(404);
    const get = await post(http, '', { headers: { authorization }, method: 'GET' });
    expect([get.status, get.headers.allow]).to.deep.equal([405, 'POST']);
    const packed = await post(http, 'x', { headers: { authorization, 'content-encoding': 'gzip' } });
    expect(packed.status).to.equal(415);
    expect(http.rows()).to.deep.equal([]);
    expect((await post(http, 'x', { headers: { authorization }, path: '/in?from=here' })).status).to.equal(200);
  });

  it('refuses a web page that has no token to give', async () => {
    const http = await start();
    expect((await post(http, 'x', { headers: { origin: 'http://example.org' } })).status).to.equal(403);
  });

  it('refuses a body that is too large, declared or not', async () => {
    const http = await start({ maxBodyBytes: 100 });
    const declared = await post(http, 'x', { headers: { 'content-length': 101 } }).catch((error: unknown) => error);
    expect(declared).to.have.property('status', 413);
    const undeclared = await post(http, 'y'.repeat(101), { headers: { 'transfer-encoding': 'chunked' } });
    expect(undeclared.status).to.equal(413);
    expect((await post(http, 'z'.repeat(100))).status).to.equal(200);
    expect(http.rows()).to.deep.equal(['z'.repeat(100)]);
  });

  it('answers 429 with Retry-After while its queue is full, and takes more when a batch has taken from it', async () => {
    const http = await start({}, { queueBytes: 10 });
    expect((await post(http, 'twelve bytes')).status).to.equal(200);
    const busy = await post(http, 'x');
    expect(busy.status).to.equal(429);
    expect(Number(busy.headers['retry-after'])).to.be.within(1, 60);
    http.takeAll();
    expect((await post(http, 'x')).status).to.equal(200);
  });

  it('answers 429 beyond its rate, and goes on when time has passed', async () => {
    const http = await start({}, { maxRate: 10 });
    expect((await post(http, 'a\nb\nc')).status).to.equal(200);
    expect((await post(http, 'd')).status).to.equal(429);
    http.clock.advanceTo(http.clock.now() + 1000);
    expect((await post(http, 'e')).status).to.equal(200);
    http.gate.limitRate(1);
    expect((await post(http, 'f')).status).to.equal(429);
    http.gate.limitRate(undefined);
    http.clock.advanceTo(http.clock.now() + 10_000);
    expect((await post(http, 'g')).status).to.equal(200);
    expect(http.rows()).to.deep.equal(['a', 'b', 'c', 'e', 'g']);
  });

  it('stores nothing of a sender that goes away in the middle, and goes on', async () => {
    const http = await start();
    const { hostname, port } = new URL(http.receiver.location);
    const socket = connect(Number(port), hostname);
    socket.end('POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\nhalf a li');
    await new Promise(resolve => socket.once('close', resolve).resume());
    const garbage = connect(Number(port), hostname);
    garbage.end(Buffer.from([0, 255, 22, 3, 1]));
    const answer = await textOf(garbage);
    expect(answer).to.match(/^HTTP\/1\.1 400/);
    expect((await post(http, 'whole')).status).to.equal(200);
    expect(http.rows()).to.deep.equal(['whole']);
  });

  it('answers the requests that are being read at a stop, and then listens no more', async () => {
    const http = await start();
    const { hostname, port } = new URL(http.receiver.location);
    const slow = connect(Number(port), hostname);
    const answer = textOf(slow);
    await new Promise<void>(resolve =>
      slow.write('POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 4\r\n\r\nla', () => resolve()),
    );
    expect((await post(http, 'first')).status).to.equal(200);
    const ended = http.end();
    slow.write('st');
    expect(await answer).to.match(/^HTTP\/1\.1 200 [^]*connection: close/i);
    await ended;
    expect(http.rows()).to.deep.equal(['first', 'last']);
    const refused = await post(http, 'x').catch((error: unknown) => error);
    expect(refused).to.have.property('code', 'ECONNREFUSED');
  });

  it('cuts off a sender that is too slow, and serves others meanwhile', async () => {
    const checked = checkedHttp({ port: 0, format: text() });
    const http = new RunningReceiver(new HttpReceiver({ ...checked, requestTimeoutMs: 60 }));
    running.push(http);
    await http.started;
    const { hostname, port } = new URL(http.receiver.location);
    const slow = connect(Number(port), hostname);
    const answer = textOf(slow);
    slow.write('POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\none byte, and then');
    expect((await post(http, 'quick')).status).to.equal(200);
    expect(await answer).to.match(/^(HTTP\/1\.1 408 |$)/);
    expect(http.rows()).to.deep.equal(['quick']);
  });

  it('does not wait at a stop for a sender that never ends', async () => {
    const checked = checkedHttp({ port: 0, format: text() });
    const http = new RunningReceiver(new HttpReceiver({ ...checked, closeGraceMs: 20 }));
    await http.started;
    const { hostname, port } = new URL(http.receiver.location);
    const slow = connect(Number(port), hostname);
    slow.on('error', () => undefined);
    const closed = new Promise(resolve => slow.once('close', resolve));
    slow.write('POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\nnever');
    expect((await post(http, 'quick')).status).to.equal(200);
    await http.end();
    await closed;
    expect([http.rows(), http.errors]).to.deep.equal([['quick'], []]);
  });

  it('takes no more connections than it can serve', async () => {
    const http = await start();
    const { hostname, port } = new URL(http.receiver.location);
    let refused = 0;
    const sockets = Array.from({ length: 270 }, () => connect(Number(port), hostname));
    await new Promise<void>(resolve => {
      for (const socket of sockets) {
        socket.on('error', () => undefined);
        socket.on('close', () => ++refused >= 14 && resolve());
      }
    });
    for (const socket of sockets) socket.destroy();
    expect(refused).to.be.at.least(14);
  });

  it('ends the run when its port is taken, and says so', async () => {
    const server = createServer();
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const http = new RunningReceiver(new HttpReceiver(checkedHttp({ port, format: text() })));
    await http.hasFailed;
    expect(http.failed).to.include({ code: 'portTaken' });
    expect(http.failed?.message).to.match(/another program listens there: stop it, or choose another port/);
    await http.end();
    await new Promise(resolve => server.close(resolve));
  });

  it('refuses what would let everyone in, and what cannot be', () => {
    const refused = (options: object): string => {
      try {
        checkedHttp({ port: 1, format: text(), ...options } as HttpStreamOptions<string>);
        return '';
      } catch (error) {
        return String(error);
      }
    };
    expect(refused({})).to.equal('');
    expect(refused({ host: '0.0.0.0' })).to.match(/a token where others than this machine can reach it/);
    expect(refused({ host: '0.0.0.0', token: TOKEN })).to.equal('');
    expect(refused({ token: 'short' })).to.match(/8 characters/);
    expect(refused({ port: 65_536 })).to.match(/a port from 0 to 65535, got 65536/);
    expect(refused({ path: 'in' })).to.match(/a path that begins with/);
    expect(refused({ maxBodyBytes: 0 })).to.match(/maxBodyBytes from 1 to 1073741824, got 0/);
  });
});
