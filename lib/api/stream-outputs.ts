import { extname } from 'node:path';
import { EngineError } from '../core/errors.js';
import type { OutputFilesSpec } from '../core/file-sink-spec.js';
import type { Schema } from '../core/schema.js';
import type { NodeId } from '../plan/node.js';
import type { Rdd } from './rdd.js';
import type { StreamGraph, UserFunction } from './stream-graph.js';
import type { CsvOutputOptions } from './stream-options.js';

/** An array of batches, `T[][]`, written so that a stream of T stays a stream of what T extends. */
export interface RowsArray<T> {
  push(rows: T[]): unknown;
}

/** The output operations of a stream: what ends it. In each batch they run in the order in which they were declared. */
export abstract class StreamOutputs<T> {
  readonly #graph: StreamGraph;
  #node: NodeId | (() => NodeId);

  /** @param node the stream's node, or what adds it where the stream is used */
  constructor(graph: StreamGraph, node: NodeId | (() => NodeId)) {
    this.#graph = graph;
    this.#node = node;
  }

  /** @internal */
  protected nodeId(): NodeId {
    if (typeof this.#node === 'function') this.#node = this.#node();
    return this.#node;
  }

  get #id(): NodeId {
    return this.nodeId();
  }

  /** Shows the first `limit` rows of each batch on the console, under its time; of an empty batch nothing. */
  print(limit = 10): void {
    if (!Number.isInteger(limit) || limit < 1)
      throw new EngineError('optionInvalid', `print wants a number of rows of at least 1, got ${limit}`);
    this.#graph.addOutput('print', this.#id, { kind: 'print', limit });
  }

  /**
   * Runs `f` in the driver with each batch's rows. It runs again for a batch whose commit was interrupted, so what it
   * does elsewhere happens at least once; use the batch time to make it happen once.
   */
  foreachRDD(f: (rdd: Rdd<T>, time: number) => void | Promise<void>): void {
    const id = this.#graph.addOutput('foreachRDD', this.#id, { kind: 'foreachRdd' });
    this.#graph.outputFunctions.set(id, f as UserFunction);
  }

  /**
   * For specs and experiments: pushes each batch's rows to an array, an empty batch as an empty array, or gives them to
   * a function, with the batch time in epoch milliseconds. In the driver, in order of batch; as often as `foreachRDD`.
   */
  collectInto(target: RowsArray<T> | ((rows: T[], time: number) => void | Promise<void>)): void {
    if (typeof target !== 'function' && typeof target?.push !== 'function')
      throw new EngineError('optionInvalid', `collectInto wants an array or a function, got ${typeof target}`);
    const take = typeof target === 'function' ? target : (rows: T[]) => void target.push(rows);
    const id = this.#graph.addOutput('collectInto', this.#id, { kind: 'foreachRdd' });
    const f = async (rdd: Rdd<T>, time: number): Promise<void> => take(await rdd.collect(), time);
    this.#graph.outputFunctions.set(id, f as UserFunction);
  }

  /**
   * Appends rows to a CSV file (a path with an extension), or to rolling files in a folder; exactly once. A string is
   * one field; of an object each property, of an array each element.
   */
  saveAsCsv(path: string, options: CsvOutputOptions = {}): void {
    this.#save('saveAsCsv', {
      format: 'csv',
      path,
      header: options.header ?? null,
      delimiter: options.delimiter ?? ',',
      escapeFormulas: options.escapeFormulas ?? false,
    });
  }

  /** Appends each row as one line of JSON to a file or to rolling files in a folder; exactly once. */
  saveAsJson(path: string): void {
    this.#save('saveAsJson', { format: 'ndjson', path, header: null, delimiter: ',', escapeFormulas: false });
  }

  /** Appends each row's text as one line to a file or to rolling files in a folder; exactly once. */
  saveAsText(path: string): void {
    this.#save('saveAsText', { format: 'text', path, header: null, delimiter: ',', escapeFormulas: false });
  }

  /**
   * Appends rows to an Arrow IPC stream: to a file (`out/x.arrows`), or to rolling files in a folder; exactly once. Each
   * file is whole after each batch, and readable as an IPC stream by any Arrow library (`tableFromIPC`,
   * `pyarrow.ipc.open_stream`, `polars.read_ipc_stream`). Columns are the schema's, of which rows may have more, or by
   * default the stream's own, where these are declared. Throws `jobInvalid` where they are not.
   */
  saveAsArrow<R = T>(
    this: StreamOutputs<NoInfer<R>>,
    path: string,
    options: { readonly schema?: Schema<R> } = {},
  ): void {
    const columns = options.schema?.columns ?? this.#graph.node(this.#id).columns;
    if (columns === undefined || columns.length === 0) {
      throw new EngineError(
        'jobInvalid',
        `saveAsArrow('${path}') wants to know the columns, and there are none declared: give { schema: schema({ ... }) }`,
      );
    }
    if (['.arrow', '.feather', '.ipc'].includes(extname(path))) {
      throw new EngineError(
        'optionInvalid',
        `saveAsArrow wants a folder or a file named .arrows, got '${path}': what it writes is an IPC stream, which is not ` +
          'the file form of that name',
      );
    }
    this.#save('saveAsArrow', { format: 'arrow', path, columns });
  }

  /**
   * Writes each batch to a folder of its own, `prefix-TIME`, or `prefix-TIME.suffix`, TIME being the batch time in epoch
   * milliseconds: each row's text as a line in `part-00000` and so on, one for each task that has rows, and at the end
   * `_SUCCESS`. An empty batch has a folder too. Exactly once for who waits for `_SUCCESS`. `saveAsText` costs less.
   */
  saveAsTextFiles(prefix: string, suffix = ''): void {
    if (prefix.endsWith('/') || /[/\\]/.test(suffix)) {
      throw new EngineError(
        'optionInvalid',
        `saveAsTextFiles wants a prefix that ends in a name and a suffix that is one, got '${prefix}' and '${suffix}'`,
      );
    }
    this.#save('saveAsTextFiles', { format: 'textFolders', path: prefix, suffix });
  }

  #save(name: string, spec: OutputFilesSpec): void {
    if (spec.path === '')
      throw new EngineError('optionInvalid', `${name} wants the path of a file or folder, got an empty string`);
    this.#graph.addOutput(name, this.#id, { kind: 'file', spec });
  }
}
