/** What the streams that are filled by receivers take, and what is refused before anything runs. */
import { EngineError } from '../core/errors.js';
import type { Format, NdjsonFormat, TextFormat } from '../core/format.js';
import type { Schema } from '../core/schema.js';
import type { HttpReceiverOptions } from '../sources/receiver/http-receiver.js';
import { MAX_LINE_BYTES, type TextEncoding } from '../sources/receiver/socket-text-receiver.js';

export interface ReceiverOptions {
  /** What messages and checkpoints call the source. */
  readonly id?: string;
  /** Records a second that are taken at the most; default as many as come. */
  readonly maxRate?: number;
}

export interface ReceiverStreamOptions<T> extends ReceiverOptions {
  /** Declares the columns of the items, which are checked when they are stored. */
  readonly schema?: Schema<T>;
}

export interface SocketTextOptions extends ReceiverOptions {
  /** Default `utf8`; bytes that are none become U+FFFD. */
  readonly encoding?: TextEncoding;
  /** A longer line is left out, and said so; default 1 MiB. */
  readonly maxRecordBytes?: number;
}

export interface HttpStreamOptions<R> extends ReceiverOptions {
  /** 0 = any that is free: the run's `receiverStarted` event tells which. */
  readonly port: number;
  /** Default 127.0.0.1: this machine only. Another one wants a `token`. */
  readonly host?: string;
  /** Default `/`. */
  readonly path?: string;
  /** `text()` or `ndjson(schema)`: what a line of the body is. */
  readonly format: Format<R>;
  /** What senders must give as `authorization: Bearer TOKEN`. Comes from an argument or the environment, not from the code. */
  readonly token?: string;
  /** Default 8 MiB. */
  readonly maxBodyBytes?: number;
  /** Lines of one request at the most; default 100,000. */
  readonly maxBodyRecords?: number;
  /** Of one line; default 1 MiB. */
  readonly maxRecordBytes?: number;
  /** Connections at once; those beyond are closed as they come. Default 256. */
  readonly maxConnections?: number;
}

const MAX_BODY_BYTES = 8 * 1024 ** 2;
const MAX_BODY_RECORDS = 100_000;
const MAX_CONNECTIONS = 256;
const LOOPBACK = new Set(['127.0.0.1', '::1', 'localhost']);

/** A rate as it stands in the plan. Throws `optionInvalid`. */
export function checkedMaxRate(what: string, { maxRate }: ReceiverOptions): { readonly maxRate?: number } {
  if (maxRate === undefined) return {};
  if (maxRate > 0 && maxRate < Infinity) return { maxRate };
  throw new EngineError('optionInvalid', `${what} wants maxRate above 0 records a second, got ${maxRate}`);
}

/** Throws `optionInvalid` for what is no port to connect to, or with `least` 0 to listen on. */
export function checkPort(what: string, port: number, least = 1): void {
  if (Number.isInteger(port) && port >= least && port <= 65_535) return;
  throw new EngineError('optionInvalid', `${what} wants a port from ${least} to 65535, got ${port}`);
}

/** A limit as it counts. Throws `optionInvalid` for what is not a whole number above 0. */
function checkedLimit(what: string, name: string, value: number, most: number): number {
  if (Number.isInteger(value) && value > 0 && value <= most) return value;
  throw new EngineError('optionInvalid', `${what} wants ${name} from 1 to ${most}, got ${value}`);
}

const MOST_BYTES = 1024 ** 3;

/** How long a line of a socket may be. Throws `optionInvalid`. */
export const checkedLineBytes = ({ maxRecordBytes = MAX_LINE_BYTES }: SocketTextOptions): number =>
  checkedLimit('socketTextStream', 'maxRecordBytes', maxRecordBytes, MOST_BYTES);

/** Throws `optionInvalid` where something does not fit, or would let everyone in. */
export function checkedHttp<R>(options: HttpStreamOptions<R>): HttpReceiverOptions {
  const { port, host = '127.0.0.1', path = '/', token } = options;
  const format: TextFormat | NdjsonFormat | { readonly kind: 'csv' | 'arrow' | 'parquet' } = options.format;
  const refuse = (wanted: string): never => {
    throw new EngineError('optionInvalid', `httpStream wants ${wanted}`);
  };
  checkPort('httpStream', port, 0);
  if (!path.startsWith('/') || /[?#\s]/.test(path)) refuse(`a path that begins with '/', without '?', got '${path}'`);
  if ((format.kind !== 'text' && format.kind !== 'ndjson') || (format.kind === 'text' && format.unit === 'word')) {
    return refuse('format text() or ndjson(schema), one record a line');
  }
  if (token !== undefined && (token.length < 8 || /\s/.test(token))) {
    refuse('a token of 8 characters at least and without white space');
  }
  if (token === undefined && !LOOPBACK.has(host)) {
    refuse(`a token where others than this machine can reach it, got host '${host}': give one, or leave host away`);
  }
  const limits = {
    maxBodyBytes: checkedLimit('httpStream', 'maxBodyBytes', options.maxBodyBytes ?? MAX_BODY_BYTES, MOST_BYTES),
    maxBodyRecords: checkedLimit('httpStream', 'maxBodyRecords', options.maxBodyRecords ?? MAX_BODY_RECORDS, 1e9),
    maxRecordBytes: checkedLimit('httpStream', 'maxRecordBytes', options.maxRecordBytes ?? MAX_LINE_BYTES, MOST_BYTES),
    maxConnections: checkedLimit('httpStream', 'maxConnections', options.maxConnections ?? MAX_CONNECTIONS, 65_535),
  };
  return { port, host, path, format, token, ...limits };
}
