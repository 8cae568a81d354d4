import { EngineError } from '../core/errors.js';
import { keyGroupRange } from '../core/hash.js';
import { formatSchema, type Column } from '../core/schema.js';
import { NO_VALUE } from '../columnar/aggregate.js';
import type { SlotMemory } from '../columnar/slot-memory.js';
import { describeWide } from '../columnar/wide/wide-aggregate.js';
import { operatorIdOf, type Plan, type StateValue, type WindowOperation } from '../plan/node.js';
import type { TableRef } from '../protocol/messages.js';
import type { StateSpace } from '../state/state-space.js';
import { StateTable } from '../state/state-table.js';
import { aggregateDefinitions } from './aggregate-definition.js';

/** What is kept under an operator's id: its state's value and how many partitions it is cut into. */
export interface OperatorState {
  readonly kind: 'aggregate' | 'rows' | 'mapWithState' | `window of ${WindowOperation['content']}${string}`;
  /** Columns of the key; undefined for keys that are any value. */
  readonly keys: readonly Column[] | undefined;
  readonly value: StateValue;
  /** What a value of running aggregates that keep more than numbers is made of. */
  readonly wide?: readonly string[];
  /** What running aggregates mean, by name. */
  readonly aggregates?: { readonly [name: string]: string };
  /** What the accumulators of running aggregates have without values. */
  readonly empty?: readonly bigint[];
  readonly numPartitions: number;
}

/** The operators of a plan that keep state, by id. */
export function operatorStates(plan: Plan): ReadonlyMap<string, OperatorState> {
  const states = new Map<string, OperatorState>();
  for (const node of plan.nodes) {
    const id = operatorIdOf(node);
    const dependency = node.dependencies[0];
    if (id === undefined || dependency?.kind !== 'shuffle') continue;
    const { numPartitions } = dependency.shuffle;
    const { operation } = node;
    if (operation.kind === 'updateState')
      states.set(id, { kind: 'rows', keys: undefined, value: operation.value, numPartitions });
    if (operation.kind === 'mapWithState')
      states.set(id, { kind: 'mapWithState', keys: undefined, value: 'variable', numPartitions });
    if (operation.kind === 'window') {
      // What is kept of columns says how many there are, not what they are.
      const columns = operation.content === 'columns' ? ` (${formatSchema(node.columns ?? [])})` : '';
      const kind = `window of ${operation.content}${columns}` as const;
      states.set(id, { kind, keys: undefined, value: 'variable', numPartitions });
    }
    if (operation.kind === 'runningAggregate') {
      const value = operation.aggregates.map(({ name, outputKind }) => ({ name, kind: outputKind, nullable: false }));
      const kept: Pick<OperatorState, 'value' | 'wide'> =
        operation.wide === undefined
          ? { value }
          : {
              value: 'variable',
              wide: [...value.map(column => formatSchema([column])), ...operation.wide.map(describeWide)],
            };
      const aggregates = aggregateDefinitions(plan, node);
      const empty = operation.aggregates.map(({ kind }) => NO_VALUE[kind]);
      states.set(id, { kind: 'aggregate', keys: operation.keys, ...kept, aggregates, empty, numPartitions });
    }
  }
  return states;
}

/** The state tables in one slot's memory, by operator and partition; made when first asked for. */
export class StateTables {
  readonly #memory: SlotMemory;
  readonly #operators: ReadonlyMap<string, OperatorState>;
  readonly #numKeyGroups: number;
  readonly #space: StateSpace | undefined;
  readonly #tables = new Map<string, StateTable>();

  /** @param space what the state may have; undefined: what the memory has */
  constructor(
    memory: SlotMemory,
    operators: ReadonlyMap<string, OperatorState>,
    numKeyGroups: number,
    space?: StateSpace,
  ) {
    this.#space = space;
    this.#memory = memory;
    this.#operators = operators;
    this.#numKeyGroups = numKeyGroups;
  }

  /** Takes over tables that a thread before this one left in the memory. */
  attach(tables: readonly TableRef[]): void {
    this.#space?.adopt(
      this.#memory,
      tables.map(({ address }) => address),
    );
    for (const ref of tables)
      this.#tables.set(nameOf(ref.operator, ref.partition), StateTable.attach(this.#memory, ref.address, this.#space));
  }

  /**
   * The table that a task is about to work with, when the state has no more memory than it may. Throws `stateLimit`,
   * `stateSpill`, `memoryLimit`.
   */
  forTask(operator: string, partition: number): StateTable {
    const table = this.get(operator, partition);
    table.settle();
    this.requireRoom();
    return table;
  }

  /** Throws `stateLimit` when the state has more memory than it may. */
  requireRoom(): void {
    this.#space?.requireRoom();
  }

  get(operator: string, partition: number): StateTable {
    const name = nameOf(operator, partition);
    const known = this.#tables.get(name);
    if (known !== undefined) return known;
    const state = this.valueOf(operator);
    const range = keyGroupRange(partition, state.numPartitions, this.#numKeyGroups);
    const valueBytes = state.value === 'variable' ? 'variable' : state.value.length * 8;
    // The table outlives the attempt that happens to be the first to need it.
    const table = this.#memory.untracked(() =>
      StateTable.create(this.#memory, { numKeyGroups: this.#numKeyGroups, ...range, valueBytes }, this.#space),
    );
    this.#tables.set(name, table);
    return table;
  }

  valueOf(operator: string): OperatorState {
    const state = this.#operators.get(operator);
    if (state === undefined) throw new EngineError('internal', `no operator '${operator}' keeps state in this plan`);
    return state;
  }

  refOf(operator: string, partition: number): TableRef {
    return { operator, partition, address: this.get(operator, partition).address };
  }
}

const nameOf = (operator: string, partition: number): string => `${partition}/${operator}`;
