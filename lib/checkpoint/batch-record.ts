/**
 * What the log says about a batch, as record payloads.
 *
 *   offsets   JSON { sourceId: ranges[] }
 *   commit    | u32 bytes of JSON | JSON { sinks, info, deltas: [{ operator, partition, of, definition, byteLength, numRows }] } | delta | delta | ... |
 *
 * `of` is how many partitions the operator has, `definition` what its state is (`state-definition.ts`). Deltas are Arrow IPC bytes and lie in the record as they came.
 */
import type { Json } from '../core/json.js';

/** By source id, what a batch reads, one range a task. */
export type RangesBySource = { readonly [source: string]: readonly Json[] };

/** The change that a batch makes to one partition of one operator's state. */
export interface StateDelta {
  readonly operator: string;
  readonly partition: number;
  /** Partitions of the operator: by them a restart knows whose key groups the change is about. */
  readonly numPartitions?: number;
  /** What the operator's state is, as `definitionOf` says. */
  readonly definition?: string | undefined;
  /** Arrow IPC; may lie in shared memory. Must not change until the commit is durable. */
  readonly bytes: Uint8Array;
  /** Changed and removed keys, for people who look at the checkpoint. */
  readonly numRows?: number;
}

export interface BatchCommit {
  /** By output id, the handle that the sink's commit returned. */
  readonly sinks: { readonly [output: string]: Json };
  readonly deltas: readonly StateDelta[];
  /** Numbers of the batch, as the driver wants to see them again. */
  readonly info?: Json;
}

/** A commit as it is read back: deltas by where they lie in the payload. */
export interface CommitHead {
  readonly sinks: { readonly [output: string]: Json };
  readonly info: Json;
  readonly deltas: readonly {
    readonly operator: string;
    readonly partition: number;
    readonly of?: number;
    readonly definition?: string;
    readonly numRows: number;
    readonly offset: number;
    readonly byteLength: number;
  }[];
}

export const encodeOffsets = (ranges: RangesBySource): Uint8Array[] => [Buffer.from(JSON.stringify(ranges), 'utf8')];

export const decodeOffsets = (payload: Uint8Array): RangesBySource =>
  JSON.parse(Buffer.from(payload).toString('utf8')) as RangesBySource;

export function encodeCommit(commit: BatchCommit): Uint8Array[] {
  const deltas = commit.deltas.map(({ operator, partition, numPartitions: of, definition, bytes, numRows = 0 }) => {
    const about = { ...(of === undefined ? {} : { of }), ...(definition === undefined ? {} : { definition }) };
    return { operator, partition, ...about, byteLength: bytes.byteLength, numRows };
  });
  const head = Buffer.from(JSON.stringify({ sinks: commit.sinks, info: commit.info ?? null, deltas }), 'utf8');
  const length = Buffer.alloc(4);
  length.writeUInt32LE(head.byteLength);
  return [Buffer.concat([length, head]), ...commit.deltas.map(delta => delta.bytes)];
}

export const COMMIT_LENGTH_BYTES = 4;

/** How many bytes of JSON follow the first four. */
export const commitHeadBytes = (payload: Uint8Array): number => Buffer.from(payload).readUInt32LE(0);

/** @param json the bytes of the JSON alone */
export function decodeCommitHead(json: Uint8Array): CommitHead {
  const head = JSON.parse(Buffer.from(json).toString('utf8')) as CommitHead;
  let offset = COMMIT_LENGTH_BYTES + json.byteLength;
  const deltas = head.deltas.map(delta => {
    const placed = { ...delta, offset };
    offset += delta.byteLength;
    return placed;
  });
  return { sinks: head.sinks, info: head.info, deltas };
}
