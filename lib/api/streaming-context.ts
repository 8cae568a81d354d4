import { EngineError } from '../core/errors.js';
import { columnsOfRows, text, type Format } from '../core/format.js';
import { int64, schema, timestamp, type Column, type RowOf, type Schema } from '../core/schema.js';
import type { SourceSpec } from '../core/source-spec.js';
import type { StreamingListener } from '../core/streaming-listener.js';
import type { NodeId } from '../plan/node.js';
import { parseDuration, type Duration } from '../core/time.js';
import { Accumulator, listRules, sumRules, type AccumulatorRules } from './accumulator.js';
import { HttpReceiver } from '../sources/receiver/http-receiver.js';
import { RawSocketReceiver } from '../sources/receiver/raw-socket-receiver.js';
import type { Receiver } from '../sources/receiver/receiver.js';
import { SocketTextReceiver } from '../sources/receiver/socket-text-receiver.js';
import type { BatchQueue } from './batch-queue.js';
import { Broadcast } from './broadcast.js';
import { DStream } from './dstream.js';
import { Lineage } from './lineage.js';
import { requirePartitions } from './partitioner.js';
import { Rdd } from './rdd.js';
import {
  checkedHttp,
  checkedLineBytes,
  checkedMaxRate,
  checkPort,
  type HttpStreamOptions,
  type ReceiverOptions,
  type ReceiverStreamOptions,
  type SocketTextOptions,
} from './receiver-streams.js';
import { StaticTable, tableSource, type FileTableOptions, type StaticTableOptions } from './static-table.js';
import type { StreamGraph } from './stream-graph.js';

export interface FileStreamOptions {
  /** What messages, checkpoints and dead letters call the source; default `files`. */
  readonly id?: string;
  /** After how long without change a last line without its end is taken as it is. Default 2000 ms. */
  readonly settleMs?: number;
  /**
   * Leaves alone the files that are there when the stream begins, which is with the first batch of its first run, also
   * when they grow later; a restart goes on with what came since. Default false: they are read as well.
   */
  readonly newFilesOnly?: boolean;
  /**
   * Whether a file is input: called in the driver each time it lists a folder, with the file's name, behind the folders
   * that a pattern in the path stands for (`2026-01/a.csv`). Names that are left alone anyway are not asked for.
   */
  readonly filter?: (name: string) => boolean;
  /** Records per second at the most, on top of the option `maxRatePerSource`. */
  readonly maxRate?: number;
}

export interface QueueStreamOptions<T> {
  readonly id?: string;
  /** Declares the columns of the rows. */
  readonly schema?: Schema<T>;
  /** False: a batch takes all that is in the queue. Default true. */
  readonly oneAtATime?: boolean;
  /**
   * The rows of a batch for which the queue has none, instead of an empty batch without partitions. Not used by a run
   * that ends when its input does (`--once`), which else would never end.
   */
  readonly defaultBatch?: readonly T[];
}

export interface RateStreamOptions {
  readonly id?: string;
  readonly rowsPerSecond: number;
  /** Seed of the values. Default 1. */
  readonly seed?: number;
  /** Ends after so many rows; default never. */
  readonly total?: number;
  /** Rows per second at the most that batches take, on top of the option `maxRatePerSource`. */
  readonly maxRate?: number;
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
   * @param path folder, one file, or a pattern in which `*` and `?` stand for characters other than a slash: files
   *   (`in/*.csv`), folders (`in/20??-??/`), or both
   * @param format `csv(schema)`, `ndjson(schema)`, `arrow(schema)`, `parquet(schema)`, `text()` or `words()`
   */
  fileStream<R>(path: string, format: Format<R>, options: FileStreamOptions = {}): DStream<R> {
    if (path === '')
      throw new EngineError('optionInvalid', 'fileStream wants the path of a folder or file, got an empty string');
    const settleMs = options.settleMs ?? 2000;
    const columns = columnsOfRows(format);
    const newFilesOnly = options.newFilesOnly === true ? ({ newFilesOnly: true } as const) : {};
    const maxRate = maxRateOf('fileStream', options.maxRate);
    const spec = { kind: 'file', path, format, settleMs, ...newFilesOnly, ...maxRate } as const;
    const id = this.#addSource(spec, 'files', options.id, columns);
    const operation = this.#graph.node(id).operation;
    if (operation.kind === 'source' && options.filter !== undefined) {
      this.#graph.fileFilters.set(operation.sourceId, options.filter);
    }
    return new DStream(this.#graph, id);
  }

  /** Lines of the text files in a folder: `fileStream(path, text(), options)`. */
  textFileStream(path: string, options: FileStreamOptions = {}): DStream<string> {
    return this.fileStream(path, text(), options);
  }

  /** Batches that the program pushes: each batch of the job takes one of the queue, or all that are there. */
  queueStream<T>(queue: BatchQueue<T>, options: QueueStreamOptions<T> = {}): DStream<T> {
    if (Array.isArray(queue))
      throw new EngineError(
        'optionInvalid',
        'queueStream wants a BatchQueue, got an array: new BatchQueue().push(rows)',
      );
    const spec = { kind: 'queue', oneAtATime: options.oneAtATime ?? true } as const;
    const id = this.#addSource(spec, 'queue', options.id, options.schema?.columns);
    const operation = this.#graph.node(id).operation;
    if (operation.kind === 'source') {
      this.#graph.queues.set(operation.sourceId, queue as BatchQueue<unknown>);
      if (options.defaultBatch !== undefined) {
        this.#graph.defaultBatches.set(operation.sourceId, options.defaultBatch);
      }
    }
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
      ...maxRateOf('rateStream', options.maxRate),
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

  /** Lines of text that a TCP server sends. A connection that ends is opened again after 2 s; lines longer than `maxRecordBytes` are left out. */
  socketTextStream(host: string, port: number, options: SocketTextOptions = {}): DStream<string> {
    checkPort('socketTextStream', port);
    const maxLineBytes = checkedLineBytes(options);
    const make = (): Receiver<string> => new SocketTextReceiver(host, port, options.encoding ?? 'utf8', maxLineBytes);
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
    const columns = columnsOfRows(format);
    const make = (): Receiver<unknown> => new HttpReceiver(checked);
    return this.#receiverStream('http', `http://${host}:${port}${path}`, make, options, columns);
  }

  /** The rows of all streams, in order of the list; one at least. */
  union<T>(streams: readonly DStream<T>[]): DStream<T> {
    const [first, ...others] = streams;
    if (first === undefined) throw new EngineError('jobInvalid', 'union wants one stream at least, got an empty list');
    return others.length === 0 ? first : first.union(...others);
  }

  /**
   * Calls the listener with what happens in the run. Only the driver does: the build function runs in each worker too,
   * where its listener hears nothing.
   */
  addStreamingListener(listener: StreamingListener): void {
    this.#graph.listeners.push(listener);
  }

  /** `f` of the RDDs that the streams have in a batch, in order of the list, gives the RDD of the new stream. See `DStream.transform`. */
  transform<T, U>(streams: readonly DStream<T>[], f: (rdds: readonly Rdd<T>[], time: number) => Rdd<U>): DStream<U> {
    const [first, ...others] = streams;
    if (first === undefined)
      throw new EngineError('jobInvalid', 'transform wants one stream at least, got an empty list');
    return first.transformAll(others, f);
  }

  /** Values of the program as an RDD, for the functions of transform and foreachRDD: they are sent along with the tasks that read them. */
  parallelize<T>(rows: Iterable<T>, numPartitions: number = this.defaultParallelism): Rdd<T> {
    const leaf = { kind: 'collection', rows: [...rows], numPartitions: requirePartitions(numPartitions) } as const;
    return new Rdd<T>(new Lineage({ leaf }), this.#graph.rdds);
  }

  /**
   * A value of the driver that closures read as `.value` in every worker, plain data. It may be replaced while the job
   * runs: then it is the new one for all of the next batch.
   *
   * @param id what the offset log calls it; default `value`, `value-2` and so on
   */
  broadcast<T>(value: T, id?: string): Broadcast<T> {
    const name = id === undefined ? this.#graph.uniqueName('value') : this.#graph.claimName(id, 'broadcast');
    const made = new Broadcast<T>(name, value);
    this.#graph.broadcasts.set(name, made as Broadcast<unknown>);
    return made;
  }

  /**
   * A table that streams are joined to by their columns (`stream.join(table, 'user')`): the records of one file, read
   * again when it changes, or rows of the job. Each worker keeps all of it in its slot's memory.
   *
   * A record that cannot be read is left out, with a warning, or refuses the version (`onBadRecord: 'fail'`).
   */
  staticTable<R>(path: string, format: Format<R>, options?: FileTableOptions): StaticTable<R>;
  staticTable<R>(rows: readonly NoInfer<R>[], schema: Schema<R>, options?: StaticTableOptions): StaticTable<R>;
  staticTable<R>(
    from: string | readonly R[],
    described: Format<R> | Schema<R>,
    options: FileTableOptions = {},
  ): StaticTable<R> {
    const source = tableSource(from, described, options);
    const id =
      options.id === undefined ? this.#graph.uniqueName('table') : this.#graph.claimName(options.id, 'staticTable');
    this.#graph.tables.set(id, source);
    return new StaticTable<R>(id, source.content);
  }

  /** A total that tasks add to by rules of your own; the driver reads it as `.value`. */
  accumulator<V, R>(name: string, rules: AccumulatorRules<V, R>): Accumulator<V, R> {
    const made = new Accumulator(this.#graph.claimName(name, 'accumulator'), rules);
    this.#graph.accumulators.set(name, made as Accumulator<never, unknown>);
    return made;
  }

  /** A sum of numbers that tasks add. */
  sumAccumulator(name: string): Accumulator<number> {
    return this.accumulator(name, sumRules);
  }

  /** A list of values that tasks add; in no order that means anything. */
  listAccumulator<T>(name: string): Accumulator<T, T[]> {
    return this.accumulator(name, listRules<T>());
  }

  /** For how long streams that are persisted keep their batches, for `slice`. Default: until the next batch. */
  remember(duration: Duration): void {
    this.#graph.rememberMs = parseDuration(duration, 'remember');
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

/** A rate as it stands in the plan: not at all when there is none. Throws `optionInvalid`. */
function maxRateOf(stream: string, maxRate: number | undefined): { readonly maxRate?: number } {
  if (maxRate === undefined) return {};
  if (!(maxRate > 0 && maxRate < Infinity)) {
    throw new EngineError(
      'optionInvalid',
      `${stream} wants a maxRate above 0 records per second, got ${maxRate}: leave it out for no limit`,
    );
  }
  return { maxRate };
}
