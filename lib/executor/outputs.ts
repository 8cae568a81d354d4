/** The ends of a stage that put rows out: staged in blocks for a sink, or sent along to the driver. */
import { encodeValue } from '../core/value-codec.js';
import { assertNever } from '../core/assert-never.js';
import type { Chunk } from '../columnar/chunk.js';
import { rowsOf } from '../columnar/rows.js';
import type { OutputNode } from '../plan/node.js';
import type { BlockRef, TaskResult } from '../protocol/messages.js';
import { makeSinkWriter } from '../sinks/sink-spec.js';
import type { TaskContext } from './task-context.js';

export type OutputPart =
  | { readonly kind: 'staged'; readonly part: TaskResult['staged'][string] }
  | { readonly kind: 'collected'; readonly part: TaskResult['collected'][string] };

export interface OutputEnd {
  readonly id: string;
  push(chunk: Chunk): void;
  finish(): OutputPart;
}

export function makeOutput(ctx: TaskContext, output: OutputNode): OutputEnd {
  const { operation, id } = output;
  switch (operation.kind) {
    case 'file': {
      const writer = makeSinkWriter(operation.spec, ctx.memory);
      return {
        id,
        push(chunk) {
          ctx.label = output.label;
          writer.write(chunk);
        },
        finish() {
          const { numRows, blocks } = writer.finish();
          const refs = blocks.map((block): BlockRef => ({
            slot: ctx.memory.slot,
            address: block.address,
            byteLength: block.byteLength,
            numRows: 0,
          }));
          return { kind: 'staged', part: { numRows, blocks: refs } };
        },
      };
    }
    case 'print':
      return collector(ctx, id, operation.limit);
    case 'foreachRdd':
      return collector(ctx, id, Number.POSITIVE_INFINITY);
    default:
      return assertNever(operation);
  }
}

/** Rows for the driver, the first `limit` of them, as one encoded array. */
function collector(ctx: TaskContext, id: string, limit: number): OutputEnd {
  const rows: unknown[] = [];
  let numRows = 0;
  return {
    id,
    push(chunk) {
      numRows += chunk.numRows;
      if (rows.length >= limit) return;
      for (const row of rowsOf(chunk)) {
        if (rows.length >= limit) break;
        rows.push(row);
      }
    },
    finish() {
      ctx.label = id;
      return { kind: 'collected', part: { numRows, bytes: encodeValue(rows) } };
    },
  };
}
