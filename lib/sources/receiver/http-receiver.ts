/**
 * Takes records by HTTP: POST with one record a line. The answer 200 `{"records":n}` is given when they are in the log
 * and synced: they will be in exactly one batch. Without an answer, or with another one, the sender sends again.
 *
 *   200  stored                                  408  slower than a minute
 *   400  a line is no record, or one of more     413  larger than maxBodyBytes, or more lines than maxBodyRecords
 *        than maxRecordBytes: all or nothing
 *   401  the token is missing or wrong           415  a compressed body
 *   403  sent by a web page, without a token     429  the job is behind; Retry-After says when to come again
 *   404, 405  another path or method             503  the receiver is stopping
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { EngineError, messageOf } from '../../core/errors.js';
import type { NdjsonFormat, TextFormat } from '../../core/format.js';
import { BodyBudget, readBody } from './http-body.js';
import { rowsOfBody } from './http-lines.js';
import { Receiver } from './receiver.js';

export interface HttpReceiverOptions {
  /** 0 = any that is free. */
  readonly port: number;
  readonly host: string;
  readonly path: string;
  readonly format: TextFormat | NdjsonFormat;
  /** What senders give as `authorization: Bearer TOKEN`; undefined = nothing. */
  readonly token: string | undefined;
  readonly maxBodyBytes: number;
  /** Lines of one request, and bytes of one line. */
  readonly maxBodyRecords: number;
  readonly maxRecordBytes: number;
  /** Those beyond are closed as they come. */
  readonly maxConnections: number;
  /** How long a sender may take for one request; default 1 min. */
  readonly requestTimeoutMs?: number;
  /** How long requests that are being read have at a stop; default 5 s. */
  readonly closeGraceMs?: number;
}

const MIN_BUDGET_BYTES = 64 * 1024 ** 2;
const REQUEST_TIMEOUT_MS = 60_000;
/** Headers come at once, or their sender wants to hold the connection. */
const HEADERS_TIMEOUT_MS = 10_000;
const CLOSE_GRACE_MS = 5000;

interface Answer {
  readonly status: number;
  readonly body: { readonly [name: string]: string | number };
  readonly retryAfterMs?: number;
}

export class HttpReceiver extends Receiver<unknown> {
  readonly #options: HttpReceiverOptions;
  readonly #budget: BodyBudget;
  #server: Server | undefined;
  #location: string;

  constructor(options: HttpReceiverOptions) {
    super();
    this.#options = options;
    this.#budget = new BodyBudget(Math.max(MIN_BUDGET_BYTES, options.maxBodyBytes));
    this.#location = urlOf(options, options.port);
  }

  override get location(): string {
    return this.#location;
  }

  /** Throws `portTaken` when it cannot listen there. */
  async onStart(): Promise<void> {
    const { port, host, requestTimeoutMs = REQUEST_TIMEOUT_MS } = this.#options;
    const timeouts = {
      requestTimeout: requestTimeoutMs,
      headersTimeout: Math.min(HEADERS_TIMEOUT_MS, requestTimeoutMs),
      connectionsCheckingInterval: Math.min(HEADERS_TIMEOUT_MS, requestTimeoutMs) / 2,
    };
    const server = createServer(timeouts, (request, response) => void this.#serve(request, response));
    server.maxConnections = this.#options.maxConnections;
    this.#server = server;
    await new Promise<void>((resolve, reject) => {
      server.once('error', error => reject(portError(this.#options, error)));
      server.listen(port, host, resolve);
    });
    server.on('error', error => this.reportError(`${this.#location} has a problem`, error));
    this.#location = urlOf(this.#options, (server.address() as AddressInfo).port);
  }

  /** Takes no new connection, answers the requests that are being read, and closes. */
  async onStop(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    if (server?.listening !== true) return;
    const closed = new Promise<void>(resolve => server.close(() => resolve()));
    server.closeIdleConnections();
    const timer = setTimeout(() => server.closeAllConnections(), this.#options.closeGraceMs ?? CLOSE_GRACE_MS);
    await closed;
    clearTimeout(timer);
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let answer: Answer | undefined;
    try {
      answer = this.#refusal(request) ?? (await this.#receive(request));
    } catch (error) {
      this.reportError('a request failed', error);
      answer = { status: 503, body: { error: 'what was sent could not be stored' } };
    }
    if (answer === undefined || response.destroyed) return;
    const text = `${JSON.stringify(answer.body)}\n`;
    const headers: Record<string, string | number> = {
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(text),
    };
    if (answer.status === 401) headers['www-authenticate'] = 'Bearer';
    if (answer.status === 405) headers['allow'] = 'POST';
    if (answer.retryAfterMs !== undefined) headers['retry-after'] = Math.ceil(answer.retryAfterMs / 1000);
    // What is left of a body that is refused would have to be read; and at a stop nobody waits for the next request.
    if (!request.complete || this.#server === undefined) headers['connection'] = 'close';
    response.writeHead(answer.status, headers).end(text, () => {
      if (!request.complete) request.destroy();
    });
  }

  /** What is wrong with a request before its body is read. */
  #refusal(request: IncomingMessage): Answer | undefined {
    const { path, token } = this.#options;
    const { headers, method, url = '' } = request;
    if (this.isStopped()) return { status: 503, body: { error: 'the receiver is stopping' } };
    if (url.split('?', 1)[0] !== path) return { status: 404, body: { error: `nothing here but ${path}` } };
    if (token !== undefined && !isSame(headers.authorization ?? '', `Bearer ${token}`)) {
      return { status: 401, body: { error: 'the header authorization: Bearer TOKEN is missing or wrong' } };
    }
    // A page in a browser on this machine may send to any local port: without a token nobody else keeps it out.
    if (token === undefined && headers.origin !== undefined) {
      return { status: 403, body: { error: 'requests of web pages are refused unless there is a token' } };
    }
    if (method !== 'POST') return { status: 405, body: { error: `POST wanted, got ${method}` } };
    const encoding = headers['content-encoding'] ?? 'identity';
    if (encoding !== 'identity') return { status: 415, body: { error: `a plain body wanted, got ${encoding}` } };
    return this.#busy();
  }

  async #receive(request: IncomingMessage): Promise<Answer | undefined> {
    const { maxBodyBytes, maxBodyRecords: maxRecords, maxRecordBytes, format } = this.#options;
    const body = await readBody(request, maxBodyBytes, this.#budget);
    if (body === 'gone') return undefined;
    if (body === 'tooLarge') return tooLarge(`a body of at most ${maxBodyBytes} bytes wanted`);
    if (body === 'tooMany') return tooMany(1000);
    const rows = rowsOfBody(body, format, { maxRecords, maxRecordBytes });
    if (rows === 'tooManyRecords') return tooLarge(`at most ${maxRecords} records in a request wanted`);
    if ('line' in rows) return { status: 400, body: { error: `line ${rows.line}: ${rows.reason}`, line: rows.line } };
    // Others were faster while this one was read.
    const busy = this.#busy();
    if (busy !== undefined) return busy;
    await this.store(rows);
    return { status: 200, body: { records: rows.length } };
  }

  #busy(): Answer | undefined {
    const waitMs = this.storeWaitMs();
    return waitMs === 0 ? undefined : tooMany(waitMs);
  }
}

const tooMany = (waitMs: number): Answer => ({
  status: 429,
  body: { error: 'the job is behind: send again later' },
  retryAfterMs: waitMs,
});

const tooLarge = (error: string): Answer => ({ status: 413, body: { error } });

/** Compared by hash, so that the time it takes tells nothing about the token. */
const isSame = (given: string, wanted: string): boolean => timingSafeEqual(sha256(given), sha256(wanted));

const sha256 = (text: string): Buffer => createHash('sha256').update(text).digest();

const urlOf = ({ host, path }: HttpReceiverOptions, port: number): string =>
  `http://${host.includes(':') ? `[${host}]` : host}:${port}${path}`;

function portError(options: HttpReceiverOptions, error: Error): EngineError {
  const { host, port } = options;
  const code = 'code' in error ? error.code : undefined;
  const problem =
    code === 'EADDRINUSE'
      ? 'another program listens there: stop it, or choose another port'
      : `${messageOf(error)}; choose another host or port`;
  return new EngineError('portTaken', `httpStream cannot listen on ${host} port ${port}: ${problem}`, {
    cause: error,
    detail: { host, port },
  });
}
