/**
 * Whether the metadata of an Arrow message is sound enough to be read: the lists in it are no longer than it is itself,
 * nothing points out of it, and its columns have no more rows than its bytes have bits. Readers made from a flatbuffer's declaration follow what they find, so that one flipped
 * bit in a count may keep them busy for minutes, or have them make room for rows that never come. Field numbers are those of Arrow's format/Message.fbs and Schema.fbs.
 */
const PREFIX_BYTES = 8;
const MAX_DEPTH = 64;
/** Of a column's length and its number of nulls. */
const NODE_BYTES = 16;

/** By the number of a table's field: what it leads to. Others are values, read where they stand. */
interface Shape {
  readonly [field: number]:
    | { readonly kind: 'tables' | 'table'; readonly of: () => Shape }
    | { readonly kind: 'items'; readonly bytes: number };
}

const KEY_VALUE: Shape = { 0: { kind: 'items', bytes: 1 }, 1: { kind: 'items', bytes: 1 } };
const FIELD: Shape = {
  0: { kind: 'items', bytes: 1 },
  3: { kind: 'table', of: () => ({}) },
  4: { kind: 'table', of: () => ({ 1: { kind: 'table', of: () => ({}) } }) },
  5: { kind: 'tables', of: () => FIELD },
  6: { kind: 'tables', of: () => KEY_VALUE },
};
const SCHEMA: Shape = {
  1: { kind: 'tables', of: () => FIELD },
  2: { kind: 'tables', of: () => KEY_VALUE },
  3: { kind: 'items', bytes: 8 },
};
const RECORD_BATCH: Shape = {
  1: { kind: 'items', bytes: 16 },
  2: { kind: 'items', bytes: 16 },
  3: { kind: 'table', of: () => ({}) },
  4: { kind: 'items', bytes: 8 },
};
const HEADERS: { readonly [kind: number]: Shape } = {
  1: SCHEMA,
  2: { 1: { kind: 'table', of: () => RECORD_BATCH } },
  3: RECORD_BATCH,
};

/** @param message from its first byte on, its metadata complete */
export function isSoundArrowMessage(message: Uint8Array): boolean {
  const length = new DataView(message.buffer, message.byteOffset, message.byteLength).getInt32(4, true);
  try {
    const view = new DataView(message.buffer, message.byteOffset + PREFIX_BYTES, length);
    const table = view.getUint32(0, true);
    const kindAt = fieldAt(view, table, 1);
    const header = HEADERS[kindAt === undefined ? 0 : view.getUint8(kindAt)];
    if (header === undefined) return false;
    // Each table is at least its offset to the vtable, so a sound message has no more of them than this.
    const budget = { tables: length / 4 };
    const keyValues = { kind: 'tables', of: () => KEY_VALUE } as const;
    checkTable(view, table, { 2: { kind: 'table', of: () => header }, 4: keyValues }, budget, 0);
    return hasRoomForRows(view, table, header);
  } catch (error) {
    if (error instanceof RangeError) return false;
    throw error;
  }
}

/** A row takes one bit at the least, of what is declared to follow: whoever reads the message has all of it. */
function hasRoomForRows(view: DataView, message: number, header: Shape): boolean {
  if (header === SCHEMA) return true;
  const bodyAt = fieldAt(view, message, 3);
  const bodyBytes = bodyAt === undefined ? 0n : view.getBigInt64(bodyAt, true);
  const most = 8n * (BigInt(view.byteLength) + bodyBytes);
  const outer = tableAt(view, message, 2);
  const batch = header === RECORD_BATCH ? outer : outer && tableAt(view, outer, 1);
  if (batch === undefined) return false;
  const lengthAt = fieldAt(view, batch, 0);
  if (lengthAt !== undefined && !isWithin(view.getBigInt64(lengthAt, true), most)) return false;
  const nodes = tableAt(view, batch, 1);
  for (let i = 0; nodes !== undefined && i < view.getUint32(nodes, true); i++) {
    if (!isWithin(view.getBigInt64(nodes + 4 + i * NODE_BYTES, true), most)) return false;
  }
  return true;
}

const isWithin = (count: bigint, most: bigint): boolean => count >= 0n && count <= most;

/** Where a field leads to. */
function tableAt(view: DataView, table: number, field: number): number | undefined {
  const at = fieldAt(view, table, field);
  return at === undefined ? undefined : at + view.getUint32(at, true);
}

/** Throws a RangeError for what leads out of the view, as the view itself does. */
function checkTable(view: DataView, table: number, shape: Shape, budget: { tables: number }, depth: number): void {
  if (depth > MAX_DEPTH || --budget.tables < 0) throw new RangeError('too many tables');
  fieldAt(view, table, 0);
  for (const [field, { kind, ...rest }] of Object.entries(shape)) {
    const at = fieldAt(view, table, Number(field));
    if (at === undefined) continue;
    const target = at + view.getUint32(at, true);
    if (kind === 'table') {
      if ('of' in rest) checkTable(view, target, rest.of(), budget, depth + 1);
      continue;
    }
    const count = view.getUint32(target, true);
    const itemBytes = 'bytes' in rest ? rest.bytes : 4;
    if (target + 4 + count * itemBytes > view.byteLength) throw new RangeError('a list leads out of the metadata');
    if (!('of' in rest)) continue;
    for (let i = 0; i < count; i++) {
      const item = target + 4 + i * 4;
      checkTable(view, item + view.getUint32(item, true), rest.of(), budget, depth + 1);
    }
  }
}

/** Where a field of a table stands, or undefined where it has its default. Throws a RangeError for what leads out of the view. */
export function fieldAt(view: DataView, table: number, field: number): number | undefined {
  const vtable = table - view.getInt32(table, true);
  const vtableBytes = view.getUint16(vtable, true);
  const tableBytes = view.getUint16(vtable + 2, true);
  if (vtable + vtableBytes > view.byteLength || table + tableBytes > view.byteLength)
    throw new RangeError('a table is cut short');
  const slot = 4 + field * 2;
  if (slot + 2 > vtableBytes) return undefined;
  const offset = view.getUint16(vtable + slot, true);
  return offset === 0 ? undefined : table + offset;
}
