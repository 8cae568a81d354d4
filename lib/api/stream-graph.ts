/**
 * Collects what a job's build function declares: plan nodes and outputs as data, closures beside them by node id.
 * The driver and each worker build their own from the same module; node ids agree because the same calls give the
 * same numbers, and the fingerprint proves it.
 */
import { resolve } from 'node:path';
import { EngineError } from '../core/errors.js';
import { placeOf } from '../core/file-sink-spec.js';
import type { Column } from '../core/schema.js';
import { usesDisk, type StorageLevel } from '../core/storage-level.js';
import type { StreamingListener } from '../core/streaming-listener.js';
import {
  nodeId,
  type Dependency,
  type NodeId,
  type Operation,
  type OutputNode,
  type Plan,
  type PlanNode,
} from '../plan/node.js';
import type { Accumulator } from './accumulator.js';
import type { Receiver } from '../sources/receiver/receiver.js';
import type { BatchQueue } from './batch-queue.js';
import type { Broadcast } from './broadcast.js';
import type { Combiner, GraphView, UserFunction, WindowTotals } from './closures.js';
import { capturedVariables, type Captured } from './captured-variables.js';
import { callSite } from './call-site.js';
import type { Partitioner } from './partitioner.js';
import { pathTo, type DerivedOperator } from './operator-path.js';
import { RddRuntime } from './rdd-runtime.js';
import type { DeclaredUpgrade } from './state-upgrade.js';
import type { TableSource } from './static-table.js';

export type { Combiner, GraphView, UserFunction, WindowTotals } from './closures.js';

export class StreamGraph implements GraphView {
  readonly job: string;
  readonly numPartitions: number;
  readonly #nodes: PlanNode[] = [];
  readonly #outputs: OutputNode[] = [];
  readonly #names = new Map<string, number>();
  readonly functions = new Map<NodeId, UserFunction>();
  readonly combiners = new Map<NodeId, Combiner>();
  readonly windowTotals = new Map<NodeId, WindowTotals>();
  /** Of shuffles whose keys don't go by their hash, by the id of the node that reads them. */
  readonly partitioners = new Map<NodeId, Partitioner>();
  /** What the state of an operator is before the first batch, by operator id: each key once. */
  readonly initialStates = new Map<string, readonly (readonly [unknown, unknown])[]>();
  /** What becomes of states that earlier versions of the job left, by operator id. */
  readonly upgrades = new Map<string, DeclaredUpgrade>();
  /** Operators whose ids the job did not give, in its order. */
  readonly derived: DerivedOperator[] = [];
  /** Ids that it gave. */
  readonly givenIds = new Set<string>();
  /** What `useOperatorIds` was told. */
  operatorIds: { readonly [derived: string]: string } = {};
  /** Functions of outputs that run in the driver, by output id. */
  readonly outputFunctions = new Map<string, UserFunction>();
  /** Queues of queueStream sources, by source id: only the driver reads them. */
  readonly queues = new Map<string, BatchQueue<unknown>>();
  /** What those sources give where their queue is empty. */
  readonly defaultBatches = new Map<string, readonly unknown[]>();
  /** Which files a file source takes, by source id: only the driver asks. */
  readonly fileFilters = new Map<string, (name: string) => boolean>();
  /** By name. */
  readonly accumulators = new Map<string, Accumulator<never, unknown>>();
  /** By id. */
  readonly broadcasts = new Map<string, Broadcast<unknown>>();
  /** Static tables, by id: in the plan are those that are joined. */
  readonly tables = new Map<string, TableSource>();
  /** For how long persisted streams keep their batches; 0: until the next one. */
  rememberMs = 0;
  /** How often streams want to be in a checkpoint, by stream. */
  readonly checkpoints: { readonly stream: NodeId; readonly intervalMs: number }[] = [];
  /** What RDDs of this job have in common. */
  readonly rdds: RddRuntime;

  /** How the receivers of receiver sources are made, by source id: called in the receivers' thread only. */
  readonly receivers = new Map<string, () => Receiver<unknown>>();
  /** Only the driver calls them. */
  readonly listeners: StreamingListener[] = [];
  #state: 'building' | 'built' = 'building';

  /** @param numPartitions partitions of a shuffle where the job doesn't say */
  constructor(job: string, numPartitions: number) {
    this.job = job;
    this.numPartitions = numPartitions;
    this.rdds = new RddRuntime(numPartitions);
  }

  addNode(operation: Operation, dependencies: readonly Dependency[], columns: readonly Column[] | undefined): NodeId {
    this.#refuseWhenBuilt(operation.kind);
    const id = nodeId(this.#nodes.length);
    const label = `${operation.kind}${callSite()}`;
    this.#nodes.push(Object.freeze({ id, operation, dependencies, columns, label }));
    return id;
  }

  addOutput(name: string, parent: NodeId, operation: OutputNode['operation']): string {
    this.#refuseWhenBuilt(name);
    if (operation.kind === 'file') this.#claimPath(placeOf(operation.spec), name);
    const id = this.uniqueName(name);
    this.#outputs.push(Object.freeze({ id, parent, operation, label: `${name}${callSite()}` }));
    return id;
  }

  /** Has a stream's batches kept; once, however often it is asked for. Throws `jobInvalid` for another level. */
  persist(stream: NodeId, level: StorageLevel): void {
    const known = this.#outputs.find(({ id }) => id === this.persistedAs(stream));
    if (known === undefined) {
      // What is the rule is not in the plan, which is that of jobs from before there were levels.
      this.addOutput('persist', stream, { kind: 'persist', ...(usesDisk(level) ? {} : { level }) });
      return;
    }
    const { operation } = known;
    if (operation.kind !== 'persist' || usesDisk(operation.level ?? 'MEMORY_AND_DISK') === usesDisk(level)) return;
    throw new EngineError(
      'jobInvalid',
      `persist wants one storage level for a stream: ${this.node(stream).label} has ${operation.level ?? 'MEMORY_AND_DISK'} ` +
        `and is given ${level}`,
    );
  }

  /** Id of the output by which a stream's batches are kept. */
  persistedAs(stream: NodeId): string | undefined {
    return this.#outputs.find(({ parent, operation }) => parent === stream && operation.kind === 'persist')?.id;
  }

  /**
   * The name, or the name with a number where it is taken: ids follow what a thing is and the order among its like,
   * so that adding an operator of another kind does not rename the state of this one.
   */
  uniqueName(name: string): string {
    let seen = (this.#names.get(name) ?? 0) + 1;
    // A name with a number may have been given to something else.
    while (seen > 1 && this.#names.has(`${name}-${seen}`)) seen++;
    this.#names.set(name, seen);
    return seen === 1 ? name : `${name}-${seen}`;
  }

  /** The id of an operator with state: the one that the job gives it, or one by its name. */
  operatorId(given: string | undefined, what: string, name: string, parent: NodeId): string {
    if (given !== undefined) {
      this.givenIds.add(given);
      return this.claimName(given, what);
    }
    const id = this.uniqueName(name);
    this.derived.push({ id, name, path: pathTo(this.#nodes, parent, name) });
    return id;
  }

  /** Gives operators other ids than they were derived with, by the derived ones: those that a checkpoint has. */
  useOperatorIds(ids: { readonly [derived: string]: string }): void {
    if (Object.keys(ids).length === 0) return;
    const idOf = (id: string): string => (Object.hasOwn(ids, id) ? (ids[id] ?? id) : id);
    this.operatorIds = ids;
    this.#nodes.forEach(({ operation, ...node }, i) => {
      if (!('operatorId' in operation)) return;
      this.#nodes[i] = Object.freeze({ ...node, operation: { ...operation, operatorId: idOf(operation.operatorId) } });
    });
    for (const map of [this.initialStates, this.upgrades] as Map<string, never>[]) {
      const entries = [...map].map(([id, value]) => [idOf(id), value] as const);
      map.clear();
      for (const [id, value] of entries) map.set(id, value);
    }
    this.derived.forEach((operator, i) => {
      this.derived[i] = { ...operator, id: idOf(operator.id) };
    });
  }

  /** Takes a name that the user gave; each may be given once. */
  claimName(name: string, what: string): string {
    if (name === '' || this.#names.has(name)) {
      throw new EngineError(
        'jobInvalid',
        `${what} wants an id that is not empty and used once in the job, got '${name}'`,
      );
    }
    this.#names.set(name, 1);
    return name;
  }

  /** Two outputs that append to one file would each cut off what the other wrote. */
  #claimPath(path: string, what: string): void {
    const absolute = resolve(path);
    if (
      this.#outputs.some(({ operation: other }) => other.kind === 'file' && resolve(placeOf(other.spec)) === absolute)
    ) {
      throw new EngineError(
        'jobInvalid',
        `${what} wants a path of its own, '${path}' is another output's already: unite the streams before, or choose another path`,
      );
    }
  }

  node(id: NodeId): PlanNode {
    const node = this.#nodes[id];
    if (node === undefined) throw new EngineError('internal', `no node ${id} in the graph of ${this.job}`);
    return node;
  }

  #refuseWhenBuilt(what: string): void {
    if (this.#state === 'building') return;
    throw new EngineError(
      'contextState',
      `${what} was called when the build function of job ${this.job} had returned: sources, operations and outputs cannot ` +
        'be added to a plan that runs; declare all of them in the build function, and use plain code in foreachRDD',
    );
  }

  /** What the closures that run in workers take from around them. */
  captured(): readonly Captured[] {
    const closures = [
      ...[...this.functions].filter(([id]) => this.node(id).operation.kind !== 'transform'),
      ...[...this.combiners].flatMap(([id, { create, merge, mergeCombiners }]) =>
        [create, merge, mergeCombiners].map(f => [id, f] as const),
      ),
    ];
    const migrations = [...this.upgrades].flatMap(([id, { migrate }]) =>
      migrate === undefined ? [] : capturedVariables(migrate).map(found => ({ label: `migrate of ${id}`, ...found })),
    );
    const captured = closures.flatMap(([id, f]) => {
      const { label } = this.node(id);
      return capturedVariables(f).map(variable => ({ label, ...variable }));
    });
    return [...captured, ...migrations];
  }

  output(id: string): OutputNode | undefined {
    return this.#outputs.find(output => output.id === id);
  }

  /** The plan, to which nothing can be added from now on; a job without an output is refused. */
  plan(): Plan {
    this.#state = 'built';
    if (this.#outputs.every(({ operation }) => operation.kind === 'persist')) {
      throw new EngineError(
        'jobInvalid',
        `job ${this.job} declares no output: end a stream with print(), saveAsCsv(...) or foreachRDD(...)`,
      );
    }
    return Object.freeze({
      job: this.job,
      nodes: Object.freeze([...this.#nodes]),
      outputs: Object.freeze([...this.#outputs]),
    });
  }
}
