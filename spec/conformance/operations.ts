/** Which operations of the conformance data exist, and how each is declared. A case that uses another is not generated. */
import {
  StateSpec,
  type BatchQueue,
  type DStream,
  type MapWithStateStream,
  type Rdd,
  type StreamingContext,
} from 'sluice';
import { stepsOf, type Pipeline, type Step } from './cases.js';
import { functionOf } from './functions.js';

export type AnyStream = DStream<unknown>;
type PairStream = DStream<[unknown, unknown]>;

/** What a pipeline is built from. */
export interface CaseSources {
  readonly ssc: StreamingContext;
  /** By number of stream, from 1. */
  readonly queues: readonly BatchQueue<unknown>[];
}

type Build = (stream: AnyStream, step: Step, others: readonly AnyStream[]) => unknown;

const pairs = (stream: AnyStream | undefined): PairStream => stream as unknown as PairStream;
const one = <A, R>(step: Step): ((a: A) => R) => functionOf(step.fn);
const two = <T>(step: Step): ((a: T, b: T) => T) => functionOf(step.fn);
const span = (step: Step): [number, number | undefined] => [step.windowMs ?? 0, step.slideMs];

const OPERATIONS: { readonly [op: string]: Build } = {
  source: stream => stream,
  queue: stream => stream,
  map: (s, step) => s.map(one(step)),
  flatMap: (s, step) => s.flatMap(one<unknown, Iterable<unknown>>(step)),
  filter: (s, step) => s.filter(one<unknown, boolean>(step)),
  glom: s => s.glom(),
  mapPartitions: (s, step) => s.mapPartitions(one<Iterable<unknown>, Iterable<unknown>>(step)),
  repartition: (s, step) => s.repartition(step.n ?? 0),
  union: (s, _, others) => s.union(...others),
  count: s => s.count(),
  reduce: (s, step) => s.reduce(two(step)),
  countByValue: s => s.countByValue(),
  groupByKey: s => pairs(s).groupByKey(),
  reduceByKey: (s, step) => pairs(s).reduceByKey(two(step)),
  mapValues: (s, step) => pairs(s).mapValues(one(step)),
  flatMapValues: (s, step) => pairs(s).flatMapValues(one<unknown, Iterable<unknown>>(step)),
  cogroup: (s, _, [other]) => pairs(s).cogroup(pairs(other)),
  join: (s, _, [other]) => pairs(s).join(pairs(other)),
  leftOuterJoin: (s, _, [other]) => pairs(s).leftOuterJoin(pairs(other)),
  rightOuterJoin: (s, _, [other]) => pairs(s).rightOuterJoin(pairs(other)),
  fullOuterJoin: (s, _, [other]) => pairs(s).fullOuterJoin(pairs(other)),
  window: (s, step) => s.window(...span(step)),
  countByWindow: (s, step) => s.countByWindow(...span(step)),
  countByValueAndWindow: (s, step) => s.countByValueAndWindow(...span(step)),
  groupByKeyAndWindow: (s, step) => pairs(s).groupByKeyAndWindow(...span(step)),
  reduceByWindow: (s, step) =>
    step.inverse === undefined
      ? s.reduceByWindow(two(step), ...span(step))
      : s.reduceByWindow(two(step), functionOf<() => unknown>(step.inverse), ...span(step)),
  reduceByKeyAndWindow: (s, step) =>
    step.inverse === undefined
      ? pairs(s).reduceByKeyAndWindow(two(step), ...span(step))
      : pairs(s).reduceByKeyAndWindow(two(step), functionOf<() => unknown>(step.inverse), ...span(step), {
          ...(step.filter === undefined ? {} : { filter: functionOf<() => boolean>(step.filter) }),
        }),
  transform: (s, step) => s.transform(rdd => batchFunction(step)(rdd)),
  transformWith: (s, step, [other]) =>
    s.transformWith(other as AnyStream, (rdd, there) => batchFunction(step)(rdd, there)),
  updateStateByKey: (s, step) => {
    const update = functionOf<(values: unknown[], state: unknown) => unknown>(step.fn);
    const options = {
      ...(step.numPartitions === undefined ? {} : { numPartitions: step.numPartitions }),
      ...(step.initial === undefined ? {} : { initialState: step.initial }),
    };
    if (step.form !== 'iterator') return pairs(s).updateStateByKey(update, options);
    return pairs(s).updateStateByPartition(function* (entries) {
      for (const [key, values, state] of entries) yield [key, update(values, state)];
    }, options);
  },
  mapWithState: (s, step) => {
    const spec = StateSpec.function<unknown, unknown, unknown, unknown>(functionOf(step.fn));
    const begun = step.initial === undefined ? spec : spec.initialState(step.initial);
    return pairs(s).mapWithState(step.timeoutMs === undefined ? begun : begun.timeout(step.timeoutMs));
  },
  stateSnapshots: s => (s as MapWithStateStream<unknown, unknown, unknown>).stateSnapshots(),
};

type AnyRdd = Rdd<unknown>;
type PairRdd = Rdd<[unknown, unknown]>;

/** Functions of the batch's RDDs, as the data describes them. */
const BATCH_FUNCTIONS: { readonly [name: string]: (...rdds: AnyRdd[]) => unknown } = {
  batchMapToString: rdd => rdd?.map(x => String(x)),
  batchMapPlus2: rdd => rdd?.map(x => (x as number) + 2),
  returnNull: () => null,
  batchJoin: (left, right) => (left as PairRdd).join(right as PairRdd),
  batchUnion: (left, right) => (left as AnyRdd).union(right as AnyRdd),
  batchUnionAll: (first, ...others) => (first as AnyRdd).union(...others),
  batchKeys: rdd => (rdd as PairRdd).map(([key]) => key),
};

function batchFunction(step: Step): (...rdds: AnyRdd[]) => AnyRdd {
  const f = BATCH_FUNCTIONS[step.fn ?? ''];
  if (f === undefined) throw new Error(`the conformance data names batch function '${step.fn}', there is none here`);
  return f as (...rdds: AnyRdd[]) => AnyRdd;
}

/** Operations on the context, which take all streams at once. */
const CONTEXT_OPERATIONS: {
  readonly [op: string]: (ssc: StreamingContext, streams: readonly AnyStream[], step: Step) => unknown;
} = {
  contextUnion: (ssc, streams) => ssc.union(streams),
  contextTransform: (ssc, streams, step) => ssc.transform(streams, rdds => batchFunction(step)(...rdds)),
};

export const exists = (pipeline: Pipeline): boolean =>
  stepsOf(pipeline).every(step => step.op in OPERATIONS || step.op in CONTEXT_OPERATIONS);

/** Whether the rows depend on how many partitions the input has. */
export const isBoundToPartitions = (pipeline: Pipeline): boolean =>
  stepsOf(pipeline).some(({ op }) => op === 'glom' || op === 'mapPartitions');

export function buildPipeline(sources: CaseSources, pipeline: Pipeline): AnyStream {
  const streams = new Map<number, AnyStream>();
  const sourceOf = (step: Step): AnyStream => {
    const number = step.stream ?? 1;
    const known = streams.get(number);
    if (known !== undefined) return known;
    const queue = sources.queues[number - 1];
    if (queue === undefined) throw new Error(`no input for stream ${number}`);
    const made = sources.ssc.queueStream(queue, { oneAtATime: step.oneAtATime ?? true });
    streams.set(number, made);
    return made;
  };
  const build = ([first, ...steps]: Pipeline): AnyStream => {
    if (first === undefined) throw new Error('an empty pipeline');
    return steps.reduce((stream, step) => apply(stream, step), sourceOf(first));
  };
  const apply = (stream: AnyStream, step: Step): AnyStream => {
    const others = [...(step.other === undefined ? [] : [step.other]), ...(step.others ?? [])].map(build);
    const onContext = CONTEXT_OPERATIONS[step.op];
    const made = onContext?.(sources.ssc, [stream, ...others], step) ?? OPERATIONS[step.op]?.(stream, step, others);
    if (made === undefined) throw new Error(`no operation ${step.op}`);
    return made as AnyStream;
  };
  return build(pipeline);
}
