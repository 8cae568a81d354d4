/** The driver's end of each output operation of a plan: files, the console, and the job's own functions. */
import { inspect } from 'node:util';
import { assertNever } from '../core/assert-never.js';
import { EngineError } from '../core/errors.js';
import type { FileSystem } from '../core/file-system.js';
import type { Json } from '../core/json.js';
import { formatBatchTime } from '../core/time.js';
import { userCall } from '../core/user-call.js';
import { decodeValue } from '../core/value-codec.js';
import type { Rdd } from '../api/rdd.js';
import type { StreamGraph } from '../api/stream-graph.js';
import { describeThrown, firstUserFrame, formatFrame, stackOf } from '../executor/failure-of.js';
import type { RunListener } from '../metrics/run-events.js';
import type { OutputNode } from '../plan/node.js';
import type { BatchOutput, OutputPort } from '../scheduler/ports.js';
import type { RddJobs } from './rdd-jobs.js';
import { makeSinkDriver, skipsEmpty, type RollOptions } from '../sinks/sink-spec.js';
import type { SinkDriver } from '../sinks/sink.js';

/** An output's end with its life cycle. */
export interface OpenOutput {
  readonly port: OutputPort;
  /** @param handle what the last committed batch left for it, if anything */
  open(handle: Json | undefined): Promise<void>;
  close(): Promise<void>;
}

const nothing = async (): Promise<void> => undefined;

export function makeOutput(
  output: OutputNode,
  graph: StreamGraph,
  jobs: RddJobs,
  fs: FileSystem,
  roll: RollOptions,
  listener: RunListener,
): OpenOutput {
  const { operation, id } = output;
  switch (operation.kind) {
    case 'file':
      return sinkOutput(id, makeSinkDriver(operation.spec, fs, roll), skipsEmpty(operation.spec));
    case 'print':
      return { port: printPort(id, operation.limit, listener), open: nothing, close: nothing };
    case 'foreachRdd':
      return { port: functionPort(output, graph, jobs), open: nothing, close: nothing };
    case 'persist':
      return { port: { id, skipsEmpty: true, commit: async () => undefined }, open: nothing, close: nothing };
    case 'collect':
      throw new EngineError('internal', `${output.label} is an action, no output operation of a stream`);
    default:
      return assertNever(operation);
  }
}

/** An output whose rows are staged bytes: committed by its sink, recovered from the handle. */
export function sinkOutput(id: string, sink: SinkDriver, skipsEmptyBatch = true): OpenOutput {
  const port: OutputPort = {
    id,
    skipsEmpty: skipsEmptyBatch,
    commit: (time, output) => sink.commit(time, output.staged),
    rollBack: handle => sink.open(handle),
  };
  return { port, open: handle => sink.open(handle), close: () => sink.close() };
}

function printPort(id: string, limit: number, listener: RunListener): OutputPort {
  return {
    id,
    skipsEmpty: true,
    async commit(time, output) {
      const rows = rowsOf(output).flat();
      const numRows = output.collected.reduce((sum, part) => sum + part.numRows, 0);
      const more = numRows > limit ? [`... ${numRows - limit} more`] : [];
      const lines = [`--- ${formatBatchTime(time)} ---`, ...rows.slice(0, limit).map(formatRow), ...more];
      listener({ kind: 'printed', time, lines });
      return undefined;
    },
  };
}

function functionPort(output: OutputNode, graph: StreamGraph, jobs: RddJobs): OutputPort {
  const f = graph.outputFunctions.get(output.id) as ((rdd: Rdd<unknown>, time: number) => unknown) | undefined;
  if (f === undefined) throw new EngineError('internal', `no function for output ${output.id}`);
  return {
    id: output.id,
    skipsEmpty: false,
    runsUserCode: true,
    async commit(time, batch) {
      try {
        await jobs.run(output, time, batch.kept, (rdd, at) => userCall(() => f(rdd, at)));
        return undefined;
      } catch (error) {
        // What an action failed with says all this itself.
        if (error instanceof EngineError && error.detail['batch'] !== undefined) throw error;
        const place = formatFrame(firstUserFrame(stackOf(error)));
        const [code, what] =
          error instanceof EngineError ? [error.code, error.message] : ['batchFailed' as const, describeThrown(error)];
        throw new EngineError(
          code,
          `batch ${formatBatchTime(time)} (${time}) failed: ${output.label} threw ${what}${place === '' ? '' : ` at ${place}`}. ` +
            'Everything before this batch is committed; with a checkpoint, the next run begins with it',
          { cause: error, detail: { batch: time, output: output.id } },
        );
      }
    },
  };
}

const rowsOf = (output: BatchOutput): unknown[][] => output.collected.map(part => decodeValue(part.bytes) as unknown[]);

/** One row on one line: text as it is, anything else as JavaScript would write it. */
function formatRow(row: unknown): string {
  return typeof row === 'string'
    ? row
    : inspect(row, { breakLength: Number.POSITIVE_INFINITY, depth: 6, compact: true });
}
