/** Calls the functions of foreachRDD, each with the RDD of its batch, whose rows lie in blocks. */
import { EngineError } from '../core/errors.js';
import { Lineage } from '../api/lineage.js';
import { Rdd } from '../api/rdd.js';
import type { StreamGraph } from '../api/stream-graph.js';
import type { FileSystem } from '../core/file-system.js';
import type { OutputNode } from '../plan/node.js';
import type { Accumulated, KeptPart } from '../protocol/messages.js';
import { TextFolders } from '../sinks/text-folder.js';
import { accumulateIn, DriverSession, type RddExecutor } from './rdd-session.js';

export class RddJobs {
  readonly #graph: StreamGraph;
  readonly #folders: TextFolders;
  #executor: RddExecutor | undefined;

  constructor(graph: StreamGraph, fs: FileSystem) {
    this.#graph = graph;
    this.#folders = new TextFolders(fs);
  }

  start(executor: RddExecutor): void {
    this.#executor = executor;
    this.#graph.rdds.outside = new DriverSession(
      { executor, folders: this.#folders, graph: this.#graph },
      undefined,
      0,
      [],
    );
  }

  /** Takes what the tasks of a batch or action added to accumulators. */
  accumulate(accumulated: readonly Accumulated[]): void {
    accumulateIn(this.#graph, accumulated);
  }

  /** Calls `f` with the RDD of `parts` and waits for it; what it kept is given back then, whatever it did. */
  async run(
    output: OutputNode,
    time: number,
    parts: readonly KeptPart[],
    f: (rdd: Rdd<unknown>, time: number) => unknown,
  ): Promise<void> {
    const executor = this.#executor;
    if (executor === undefined)
      throw new EngineError('internal', 'an output was committed before the slots were there');
    const session = new DriverSession({ executor, folders: this.#folders, graph: this.#graph }, output, time, parts);
    const { columns } = this.#graph.node(output.parent);
    const leaf = { kind: 'blocks', name: output.id, numPartitions: parts.length, session } as const;
    const runtime = this.#graph.rdds;
    runtime.session = session;
    for (const { id, ...version } of executor.broadcastsAt(time)) this.#graph.broadcasts.get(id)?.enterScope(version);
    try {
      await f(new Rdd<unknown>(new Lineage({ leaf, columns }), runtime), time);
    } finally {
      runtime.session = undefined;
      for (const broadcast of this.#graph.broadcasts.values()) broadcast.enterScope(undefined);
      await session.close();
    }
    if (session.unawaited !== undefined) throw session.unawaited;
  }
}
