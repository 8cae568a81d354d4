/** The public API: what a job, and a program that runs jobs, may import. */
export { arg } from './core/job-args.js';
export { EngineError } from './core/errors.js';
export type { ErrorCode } from './core/errors.js';
export { arrow, csv, ndjson, parquet, text, words } from './core/format.js';
export type { Format } from './core/format.js';
export { StorageLevel } from './core/storage-level.js';
export { bool, float64, int32, int64, nullable, schema, timestamp, utf8 } from './core/schema.js';
export type { RowOf, Schema } from './core/schema.js';
export type { Accumulator, AccumulatorRules } from './api/accumulator.js';
export { BatchQueue } from './api/batch-queue.js';
export type { Broadcast } from './api/broadcast.js';
export { DStream, GroupedStream, MapWithStateStream, OrderedStream } from './api/dstream.js';
export { minutes, seconds } from './core/time.js';
export type { Duration } from './core/time.js';
export { job } from './api/job.js';
export type { Job } from './api/job.js';
export { Receiver } from './sources/receiver/receiver.js';
export type { ReceiverInfo } from './core/receiver-info.js';
export { Rdd } from './api/rdd.js';
export type { Histogram } from './api/rdd-histogram.js';
export type { RddStats } from './api/rdd-stats.js';
export type { Partitioner, Partitions } from './api/partitioner.js';
export type { WindowOptions, WindowTotalsOptions } from './api/window-node.js';
export type { FileTableOptions, StaticTable, StaticTableOptions } from './api/static-table.js';
export type { ColumnChanges, Migration, SchemaChanges } from './api/state-upgrade.js';
export { StateSpec } from './api/state-spec.js';
export type { State, StateFunction } from './api/state-spec.js';
export { StreamingContext } from './api/streaming-context.js';
export { avg, col, count, countIf, lit, max, min, not, sum } from './api/expressions.js';
export {
  approxCountDistinct,
  approxPercentile,
  collectList,
  countDistinct,
  first,
  last,
  stddev,
  variance,
} from './api/expressions.js';
export {
  asc,
  coalesce,
  concat,
  dateFormat,
  datePart,
  dateTrunc,
  desc,
  hash,
  length,
  lower,
  replace,
  split,
  substring,
  toTimestamp,
  trim,
  udf,
  upper,
  when,
  windowStart,
} from './api/expressions.js';
export type { ColumnExpr, ConditionExpr, Expr, OrderKey } from './api/expressions.js';
export type { DeclaredOptions } from './core/options.js';
export type { BatchInfo, OutputOperationInfo, StreamInputInfo, StreamingListener } from './core/streaming-listener.js';
export { explain } from './driver/explain-job.js';
export type { ExplainOptions } from './driver/explain-job.js';
export { JobContext } from './driver/job-context.js';
export type { JobContextState } from './driver/job-context.js';
export type { GetOrCreateOptions, JobContextOptions, StopOptions } from './driver/job-context-options.js';
export { isMain } from './driver/main-program.js';
export { StatsReportListener } from './driver/streaming-listeners.js';
export type { RunEvent, RunListener, RunSummary } from './driver/run-events.js';
