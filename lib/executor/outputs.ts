/** The ends of a stage that put rows out: staged in blocks for a sink, or sent along to the driver. */
import { RoundRobinPartitioner } from '../blocks/row-block.js';
import { encodeValue } from '../core/value-codec.js';
import { assertNever } from '../core/assert-never.js';
import type { Chunk } from '../columnar/chunk.js';
import { rowsOf } from '../columnar/rows.js';
import type { OutputNode } from '../plan/node.js';
import type { BlockRef, Branch, CollectedPart, KeptPart, StagedPart } from '../protocol/messages.js';
import { makeSinkWriter } from '../sinks/sink-spec.js';
import type { TaskContext } from './task-context.js';

export type OutputPart =
  | { readonly kind: 'staged'; readonly part: StagedPart }
  | { readonly kind: 'collected'; readonly part: CollectedPart }
  | { readonly kind: 'kept'; readonly part: KeptPart };

export interface OutputEnd {
  readonly id: string;
  push(chunk: Chunk): void;
  finish(): OutputPart;
}

/** @param branch the way by which this end's rows come */
export function makeOutput(ctx: TaskContext, output: OutputNode, branch: Branch): OutputEnd {
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
          return { kind: 'staged', part: { branch, numRows, blocks: refs } };
        },
      };
    }
    case 'print':
      return collector(ctx, output, branch, operation.limit);
    case 'collect':
      return collector(ctx, output, branch, operation.limit ?? Number.POSITIVE_INFINITY);
    case 'foreachRdd':
    case 'persist':
      return keeper(ctx, output, branch);
    default:
      return assertNever(operation);
  }
}

/** Rows for the driver, the first `limit` of them, as one encoded array. */
function collector(ctx: TaskContext, { id, label }: OutputNode, branch: Branch, limit: number): OutputEnd {
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
      ctx.label = label;
      return { kind: 'collected', part: { branch, numRows, bytes: encodeValue(rows) } };
    },
  };
}

/** Rows as one block of the slot's memory. */
function keeper(ctx: TaskContext, { id, label }: OutputNode, branch: Branch): OutputEnd {
  const { memory } = ctx;
  const writer = new RoundRobinPartitioner(memory, 1, 0);
  let numRows = 0;
  return {
    id,
    push(chunk) {
      ctx.label = label;
      numRows += chunk.numRows;
      for (const row of rowsOf(chunk)) writer.add(row);
    },
    finish() {
      const [block = null] = writer.finish();
      const ref = block && { slot: memory.slot, address: block.address, byteLength: block.byteLength, numRows };
      return { kind: 'kept', part: { branch, numRows, block: ref } };
    },
  };
}
