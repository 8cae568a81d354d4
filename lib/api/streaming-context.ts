import { EngineError } from '../core/errors.js';
import type { Format } from '../core/format.js';
import { int64, schema, timestamp, type Column, type RowOf, type Schema } from '../core/schema.js';
import type { SourceSpec } from '../core/source-spec.js';
import type { StreamingListener } from '../core/streaming-listener.js';
import type { NodeId } from '../plan/node.js';
import type { BatchQueue } from './batch-queue.js';
import { DStream } from './dstream.js';
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
