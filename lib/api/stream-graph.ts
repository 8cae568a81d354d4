/**
 * Collects what a job's build function declares: plan nodes and outputs as data, closures beside them by node id.
 * The driver and each worker build their own from the same module; node ids agree because the same calls give the
 * same numbers, and the fingerprint proves it.
 */
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { EngineError } from '../core/errors.js';
import type { Column } from '../core/schema.js';
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
import type { BatchQueue } from './batch-queue.js';

/** Any closure of a job, by the id of the node that calls it. Its real type is known to the operation's code only. */
export type UserFunction = (...args: never[]) => unknown;

/** The closures of a combineByKey node. */
export interface Combiner {
  readonly create: UserFunction;
  readonly merge: UserFunction;
  readonly mergeCombiners: UserFunction;
}

/** The closures of a window of totals beside its combiner. */
export interface WindowTotals {
  readonly inverse: UserFunction;
  readonly filter: UserFunction | undefined;
}

export class StreamGraph {
  readonly job: string;
  readonly numPartitions: number;
  readonly #nodes: PlanNode[] = [];
  readonly #outputs: OutputNode[] = [];
  readonly #names = new Map<string, number>();
  readonly functions = new Map<NodeId, UserFunction>();
  readonly combiners = new Map<NodeId, Combiner>();
  readonly windowTotals = new Map<NodeId, WindowTotals>();
  /** What the state of an operator is before the first batch, by operator id: each key once. */
  readonly initialStates = new Map<string, readonly (readonly [unknown, unknown])[]>();
  /** Functions of outputs that run in the driver, by output id. */
  readonly outputFunctions = new Map<string, UserFunction>();
  /** Queues of queueStream sources, by source id: only the driver reads them. */
  readonly queues = new Map<string, BatchQueue<unknown>>();
  /** Only the driver calls them. */
  readonly listeners: StreamingListener[] = [];
  #state: 'building' | 'built' = 'building';

  /** @param numPartitions partitions of a shuffle where the job doesn't say */
  constructor(job: string, numPartitions: number) {
    this.job = job;
    this.numPartitions = numPartitions;
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
    if (operation.kind === 'file') this.#claimPath(operation.spec.path, name);
    const id = this.uniqueName(name);
    this.#outputs.push(Object.freeze({ id, parent, operation, label: `${name}${callSite()}` }));
    return id;
  }

  /**
   * The name, or the name with a number where it is taken: ids follow what a thing is and the order among its like,
   * so that adding an operator of another kind does not rename the state of this one.
   */
  uniqueName(name: string): string {
    const seen = (this.#names.get(name) ?? 0) + 1;
    this.#names.set(name, seen);
    return seen === 1 ? name : `${name}-${seen}`;
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
    if (this.#outputs.some(({ operation: other }) => other.kind === 'file' && resolve(other.spec.path) === absolute)) {
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

  /** The plan, to which nothing can be added from now on; a job without an output is refused. */
  plan(): Plan {
    this.#state = 'built';
    if (this.#outputs.length === 0) {
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

/** This package's folder, as stacks name it: `file:///x/sluice/` and `/x/sluice/`. */
const OWN_URL = /^.*\/(?=(?:dist|lib)\/)/.exec(import.meta.url)?.[0] ?? '';
const OWN_PATH = OWN_URL === '' ? '' : fileURLToPath(OWN_URL).replaceAll('\\', '/');
/** Sources and bundle: stacks name the sources where source maps are read. */
const OWN_FOLDERS = OWN_URL === '' ? [] : [OWN_URL, OWN_PATH].flatMap(at => [`${at}lib/`, `${at}dist/`]);

const isOwnFrame = (frame: string): boolean => {
  const text = frame.replaceAll('\\', '/');
  return OWN_FOLDERS.some(folder => text.includes(folder));
};

/** ` at jobs/x.ts:12`: the first caller outside Sluice; empty where the stack doesn't tell. */
function callSite(): string {
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = 20;
  const frames = (new Error('call site').stack ?? '').split('\n').slice(1);
  Error.stackTraceLimit = limit;
  for (const frame of frames) {
    if (isOwnFrame(frame) || frame.includes('node:') || frame.includes('node_modules')) continue;
    const match = /\(?([^()\s]+):(\d+):\d+\)?$/.exec(frame);
    if (match?.[1] !== undefined)
      return ` at ${match[1].replace(/^file:\/\//, '').replace(`${process.cwd()}/`, '')}:${match[2]}`;
  }
  return '';
}
