/** Windows as plan nodes. */
import { parseDuration, type Duration } from '../core/time.js';
import type { Column } from '../core/schema.js';
import type { NodeId, Shuffle, WindowOperation } from '../plan/node.js';
import type { Combiner, StreamGraph, UserFunction, WindowTotals } from './stream-graph.js';

export interface WindowOptions {
  /** Names the window's state in checkpoints; give one to be free to move the operation. */
  readonly id?: string;
  readonly numPartitions?: number;
}

export interface WindowTotalsOptions<K, V> extends WindowOptions {
  /**
   * Pairs for which it is not true are not emitted, and forgotten when no batch of the window has the key any more.
   * Without one, every key that was ever seen stays.
   */
  readonly filter?: (pair: readonly [K, V]) => boolean;
}

/** A window and its slide, as operations take them; without a slide the window slides with every batch of its stream. */
export type WindowSpan<O> = readonly [window: Duration, slide?: Duration | undefined, options?: number | O];

/** What may follow the reducing function: the inverse function where totals are to be kept, then the window. */
export type ReduceWindowArgs =
  WindowSpan<WindowOptions> | readonly [inverse: UserFunction, ...WindowSpan<WindowTotalsOptions<never, never>>];

export interface WindowRequest {
  readonly parent: NodeId;
  /** The operation as the user called it. */
  readonly name: string;
  readonly span: WindowSpan<WindowOptions>;
  readonly columns: readonly Column[] | undefined;
  /** For pairs. */
  readonly combiner?: Combiner;
  /** For pairs whose totals are kept. */
  readonly totals?: WindowTotals;
  readonly shuffle: (mode: Shuffle['mode'], numPartitions: number | undefined) => Shuffle;
}

/** Throws `optionInvalid` for what is not a duration; whether it fits the batch interval is known when the job runs. */
export function addWindowNode(graph: StreamGraph, request: WindowRequest): NodeId {
  const { parent, name, span, columns, combiner, totals } = request;
  const [window, slide] = span;
  const options = optionsOf(span[2]);
  const windowMs = parseDuration(window, `the window of ${name}`);
  const slideMs = slide === undefined ? null : parseDuration(slide, `the slide of ${name}`);
  const operatorId = graph.operatorId(options.id, name, name, parent);
  const content = contentOf(request);
  const operation: WindowOperation = { kind: 'window', operatorId, windowMs, slideMs, content };
  const shuffle = request.shuffle(MODES[content], options.numPartitions);
  const id = graph.addNode(operation, [{ kind: 'shuffle', parent, shuffle }], columns);
  if (combiner !== undefined) graph.combiners.set(id, combiner);
  if (totals !== undefined) graph.windowTotals.set(id, totals);
  return id;
}

const PAIRS: Shuffle['mode'] = { kind: 'pairs', combine: true };
const MODES: Readonly<Record<WindowOperation['content'], Shuffle['mode']>> = {
  rows: { kind: 'roundRobin' },
  columns: { kind: 'columns', keys: [] },
  pairs: PAIRS,
  totals: PAIRS,
};

function contentOf({ columns, combiner, totals }: WindowRequest): WindowOperation['content'] {
  if (combiner !== undefined) return totals === undefined ? 'pairs' : 'totals';
  return columns === undefined ? 'rows' : 'columns';
}

/** Takes apart what may follow the reducing function. */
export function reduceWindowArgs(args: ReduceWindowArgs): {
  readonly span: WindowSpan<WindowOptions>;
  readonly totals: WindowTotals | undefined;
} {
  if (!hasInverse(args)) return { span: args, totals: undefined };
  const [inverse, ...span] = args;
  return { span, totals: { inverse, filter: optionsOf(span[2]).filter } };
}

const hasInverse = (args: ReduceWindowArgs): args is Exclude<ReduceWindowArgs, WindowSpan<WindowOptions>> =>
  typeof args[0] === 'function';

const optionsOf = <O extends WindowOptions>(options: number | O | undefined): O =>
  (typeof options === 'object' ? options : { numPartitions: options }) as O;

/** The same window over one partition: what is reduced to one row needs no more. */
export const inOnePartition = ([window, slide, options]: WindowSpan<WindowOptions>): WindowSpan<WindowOptions> => [
  window,
  slide,
  { ...optionsOf(options), numPartitions: 1 },
];

/** The closures of a window whose values are reduced by `f`. */
export function pairFunctions<V>(
  f: (a: V, b: V) => V,
  totals: WindowTotals | undefined,
): Pick<WindowRequest, 'combiner' | 'totals'> {
  const combiner: Combiner = { create: (value: V) => value, merge: f, mergeCombiners: f };
  return totals === undefined ? { combiner } : { combiner, totals };
}

/** Values to the list of them. A list belongs to the task that made or read it, so it may grow in place. */
export const listCombiner: Combiner = {
  create: (value: unknown) => [value],
  merge: (list: unknown[], value: unknown) => {
    list.push(value);
    return list;
  },
  mergeCombiners: (list: unknown[], more: unknown[]) => {
    for (const value of more) list.push(value);
    return list;
  },
};
