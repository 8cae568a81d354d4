/**
 * A lineage as nodes of a plan. Numbers are given in order of a walk from the result, parents first, so that two threads
 * that built the same lineage have the same plan, which their fingerprints prove.
 */
import { createHash } from 'node:crypto';
import { canonicalJson } from '../core/json.js';
import type { Json } from '../core/json.js';
import { nodeId, type Dependency, type NodeId, type Operation, type PlanNode } from '../plan/node.js';
import { capturedVariables, type Captured } from './captured-variables.js';
import type { Lineage } from './lineage.js';
import type { Partitioner } from './partitioner.js';
import type { Combiner, UserFunction } from './closures.js';

/** Rows of a lineage's node that are there already. */
export interface Materialized {
  readonly name: string;
  readonly numPartitions: number;
}

/** Values of the driver, to be cut into partitions. */
export interface Collection {
  readonly rows: readonly unknown[];
  readonly numPartitions: number;
}

/** Nodes that were made of lineages, with their closures. */
export class Fragment {
  /** Parents before children. */
  readonly nodes: PlanNode[] = [];
  readonly functions = new Map<NodeId, UserFunction>();
  readonly combiners = new Map<NodeId, Combiner>();
  readonly partitioners = new Map<NodeId, Partitioner>();
  /** Values of the driver that nodes are made of. */
  readonly collections = new Map<NodeId, Collection>();
  readonly #ids = new Map<Lineage, NodeId>();
  readonly #firstId: number;
  readonly #slideMs: number | null;
  readonly #materialized: (node: Lineage) => Materialized | undefined;
  #numShuffles = 0;

  /**
   * @param firstId number of the first node
   * @param slideMs how often what is made of collections alone has a batch
   * @param materialized what needs not be computed
   */
  constructor(
    firstId: number,
    slideMs: number | null = null,
    materialized: (node: Lineage) => Materialized | undefined = () => undefined,
  ) {
    this.#firstId = firstId;
    this.#slideMs = slideMs;
    this.#materialized = materialized;
  }

  /** Adds a lineage with all it is made from. @returns the number of its node */
  add(lineage: Lineage): NodeId {
    const known = this.#ids.get(lineage);
    if (known !== undefined) return known;
    const id = this.#make(lineage);
    this.#ids.set(lineage, id);
    return id;
  }

  /** Every lineage that has a node of its own here, in order of the nodes. */
  get lineages(): ReadonlyMap<Lineage, NodeId> {
    return this.#ids;
  }

  #make(lineage: Lineage): NodeId {
    const { leaf } = lineage;
    if (leaf?.kind === 'stream') return leaf.node;
    const there = this.#materialized(lineage);
    if (there !== undefined) return this.#push(lineage, { kind: 'blocks', ...there }, []);
    if (leaf?.kind === 'blocks') {
      const { name, numPartitions } = leaf;
      return this.#push(lineage, { kind: 'blocks', name, numPartitions }, []);
    }
    if (leaf?.kind === 'collection') {
      const { numPartitions, rows } = leaf;
      const id = this.#push(lineage, { kind: 'collection', numPartitions, slideMs: this.#slideMs }, []);
      this.collections.set(id, { rows, numPartitions });
      return id;
    }
    const dependencies = lineage.dependencies.map(({ node, shuffle }): Dependency => {
      const parent = this.add(node);
      if (shuffle === undefined) return { kind: 'narrow', parent };
      return {
        kind: 'shuffle',
        parent,
        shuffle: { id: `rdd-shuffle-${this.#firstId}-${++this.#numShuffles}`, ...shuffle },
      };
    });
    const id = this.#push(lineage, lineage.operation as Operation, dependencies);
    if (lineage.f !== undefined) this.functions.set(id, lineage.f);
    if (lineage.combiner !== undefined) this.combiners.set(id, lineage.combiner);
    if (lineage.partitioner !== undefined) this.partitioners.set(id, lineage.partitioner);
    return id;
  }

  #push(lineage: Lineage, operation: Operation, dependencies: readonly Dependency[]): NodeId {
    const id = nodeId(this.#firstId + this.nodes.length);
    const { columns, label } = lineage;
    this.nodes.push(Object.freeze({ id, operation, dependencies, columns, label }));
    return id;
  }

  /** Every closure with the node that calls it, in order. */
  closures(): readonly (readonly [PlanNode, UserFunction])[] {
    return this.nodes.flatMap(node => {
      const combiner = this.combiners.get(node.id);
      const partitioner = this.partitioners.get(node.id);
      const all = [
        this.functions.get(node.id),
        combiner?.create,
        combiner?.merge,
        combiner?.mergeCombiners,
        partitioner?.partitionOf.bind(partitioner),
      ];
      return all.flatMap(f => (f === undefined ? [] : [[node, f] as const]));
    });
  }

  /** Whether a worker needs nothing but data to compute it. */
  get isData(): boolean {
    return this.closures().length === 0;
  }

  /** What the closures take from around them. */
  captured(): readonly Captured[] {
    return this.closures().flatMap(([{ label }, f]) => capturedVariables(f).map(variable => ({ label, ...variable })));
  }

  /** 16 hex digits that differ when the nodes differ or the source text of a closure does. */
  fingerprint(result: NodeId): string {
    const nodes = this.nodes.map(({ label: _, ...rest }) => rest);
    const texts = this.closures().map(([node, f]) => [node.id, f.toString()]);
    const data = JSON.parse(JSON.stringify({ nodes, texts, result })) as Json;
    return createHash('sha256').update(canonicalJson(data)).digest('hex').slice(0, 16);
  }
}
