import { EngineError } from '../core/errors.js';
import type { Format } from '../core/format.js';
import { int64, schema, timestamp, type Column, type RowOf, type Schema } from '../core/schema.js';
import type { SourceSpec } from '../core/source-spec.js';
import type { NodeId } from '../plan/node.js';
import { HttpReceiver } from '../sources/receiver/http-receiver.js';
import { RawSocketReceiver } from '../sources/receiver/raw-socket-receiver.js';
import type { Receiver } from '../sources/receiver/receiver.js';
import { SocketTextReceiver } from '../sources/receiver/socket-text-receiver.js';
import type { BatchQueue } from './batch-queue.js';
import { DStream } from './dstream.js';
import {
  checkedHttp,
  checkedMaxRate,
  checkPort,
  type HttpStreamOptions,
  type ReceiverOptions,
  type ReceiverStreamOptions,
  type SocketTextOptions,
} from './receiver-streams.js';
import type { StreamGraph } from './stream-graph.js';

export interface FileStreamOptions {
  /** What messages, checkpoints and dead letters call the source; default `files`. */
  readonly id?: string;
  /** After how long without change a last line without its end is taken as it is. Default 2000 ms. */
  readonly settleMs?: number;
}

export interface QueueStreamOptions<T> {
  readonly id?: string;
  /** Declares the columns of the rows. */
  readonly schema?: Schema<T>;
  /** False: a batch takes all that is in the queue. Default true. */
  readonly oneAtATime?: boolean;
}

export interface RateStreamOptions {
  readonly id?: string;
  readonly rowsPerSecond: number;
  /** Seed of the values. Default 1. */
  readonly seed?: number;
  /** Ends after so many rows; default never. */
  readonly total?: number;
}

const rateSchema = schema({ value: int64(), timestamp: timestamp() });
export type RateRow = RowOf<typeof rateSchema>;

/** Where a job's streams begin. The build function of a job gets one, in the driver and again in each worker. */
export class StreamingContext {
  readonly #graph: StreamGraph;

  constructor(graph: StreamGraph) {
    this.#graph = graph;
  }

  /** How many partitions a shuffle has where the job doesn't say: the number of workers. */
  get defaultParallelism(): number {
    return this.#graph.numPartitions;
  }

  /**
   * Records of the files in a folder (or of files that match `in/*.csv`), each once: those that are there and those
   * that arrive. Move files in under their final name; names that begin with `.` or `_` are left alone.
   *
   * @param path folder, one file, or a glob in the last piece
   * @param format `csv(schema)`, `ndjson(schema)` or `text()`
   */
  fileStream<R>(path: string, format: Format<R>, options: FileStreamOptions = {}): DStream<R> {
    if (path === '')
      throw new EngineError('optionInvalid', 'fileStream wants the path of a folder or file, got an empty string');
    const settleMs = options.settleMs ?? 2000;
    const columns = format.kind === 'text' ? undefined : format.columns;
    const spec = { kind: 'file', path, format, settleMs } as const;
    return new DStream(this.#graph, this.#addSource(spec, 'files', options.id, columns));
  }

  /** Batches that the program pushes: each batch of the job takes one of the queue, or all that are there. */
  queueStream<T>(queue: BatchQueue<T>, options: QueueStreamOptions<T> = {}): DStream<T> {
    const spec = { kind: 'queue', oneAtATime: options.oneAtATime ?? true } as const;
    const id = this.#addSource(spec, 'queue', options.id, options.schema?.columns);
    const operation = this.#graph.node(id).operation;
    if (operation.kind === 'source') this.#graph.queues.set(operation.sourceId, queue as BatchQueue<unknown>);
    return new DStream(this.#graph, id);
  }

  /** Rows `{ value, timestamp }` made at a steady rate from a seed: the same row number is always the same row but for its time. */
  rateStream(options: RateStreamOptions): DStream<RateRow> {
    if (!(options.rowsPerSecond > 0)) {
      throw new EngineError('optionInvalid', `rateStream wants rowsPerSecond above 0, got ${options.rowsPerSecond}`);
    }
    const spec = {
      kind: 'rate',
      rowsPerSecond: options.rowsPerSecond,
      seed: options.seed ?? 1,
      total: options.total ?? null,
    } as const;
    return new DStream(this.#graph, this.#addSource(spec, 'rate', options.id, rateSchema.columns));
  }

  /**
   * What a receiver of your own stores. It runs in the receivers' thread beside the driver, where `make` is called once
   * each time that thread starts; what it stores is in a log on disk before it counts.
   */
  receiverStream<T>(make: () => Receiver<T>, options: ReceiverStreamOptions<T> = {}): DStream<T> {
    return this.#receiverStream('receiver', 'a receiver of the job', make, options, options.schema?.columns);
  }

  /** Lines of text that a TCP server sends. A connection that ends is opened again after 2 s; lines longer than 1 MiB are left out. */
  socketTextStream(host: string, port: number, options: SocketTextOptions = {}): DStream<string> {
    checkPort('socketTextStream', port);
    const make = (): Receiver<string> => new SocketTextReceiver(host, port, options.encoding ?? 'utf8');
    return this.#receiverStream('socket', `tcp://${host}:${port}`, make, options, undefined);
  }

  /** Rows of an Arrow IPC stream that a TCP server sends, a record batch of up to 64 MiB at a time; columns are found by name. */
  rawSocketStream<R>(host: string, port: number, schema: Schema<R>, options: ReceiverOptions = {}): DStream<R> {
    checkPort('rawSocketStream', port);
    const { columns } = schema;
    const make = (): Receiver<unknown> => new RawSocketReceiver(host, port, columns);
    return this.#receiverStream('raw-socket', `tcp://${host}:${port}`, make, options, columns);
  }

  /**
   * Records that others send by HTTP: `POST` with one a line. The answer 200 means that they are on disk and will be in
   * exactly one batch; on any other, or none, the sender sends again.
   */
  httpStream<R>(options: HttpStreamOptions<R>): DStream<R> {
    const checked = checkedHttp(options);
    const { host, port, path, format } = checked;
    const columns = format.kind === 'text' ? undefined : format.columns;
    const make = (): Receiver<unknown> => new HttpReceiver(checked);
    return this.#receiverStream('http', `http://${host}:${port}${path}`, make, options, columns);
  }

  /** The rows of all streams, in order of the list; one at least. */
  union<T>(streams: readonly DStream<T>[]): DStream<T> {
    const [first, ...others] = streams;
    if (first === undefined) throw new EngineError('jobInvalid', 'union wants one stream at least, got an empty list');
    return others.length === 0 ? first : first.union(...others);
  }

  #receiverStream<T>(
    receiver: string,
    from: string,
    make: () => Receiver<never> | Receiver<unknown>,
    options: ReceiverOptions,
    columns: readonly Column[] | undefined,
  ): DStream<T> {
    const spec = { kind: 'receiver', receiver, from, ...checkedMaxRate(`${receiver} stream`, options) } as const;
    const id = this.#addSource(spec, receiver, options.id, columns);
    const operation = this.#graph.node(id).operation;
    if (operation.kind === 'source') this.#graph.receivers.set(operation.sourceId, make as () => Receiver<unknown>);
    return new DStream(this.#graph, id);
  }

  #addSource(
    spec: SourceSpec,
    name: string,
    given: string | undefined,
    columns: readonly Column[] | undefined,
  ): NodeId {
    const sourceId =
      given === undefined ? this.#graph.uniqueName(name) : this.#graph.claimName(given, `${spec.kind} source`);
    return this.#graph.addNode({ kind: 'source', sourceId, spec }, [], columns);
  }
}
