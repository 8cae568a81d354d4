/**
 * The footer of Arrow's file form, which ends in: footer, a flatbuffer; i32 its length; `ARROW1`. Some writers put the
 * schema there only. The message that stands at the front of a stream is made of it: a root table that points into the
 * footer's own bytes, whose offsets all are relative.
 *
 *   0 u32 where the root is   4 vtable: u16 its bytes, u16 the table's, u16 version, kind, header
 *   16 root: i32 back to the vtable, i16 version, u8 kind, u32 header, from there to the schema   32 the footer
 */
import { ARROW_MAGIC } from './arrow-message.js';

/** Of what follows the footer. */
export const FOOTER_END_BYTES = 10;
const MAX_FOOTER_BYTES = 16 * 1024 * 1024;
const VERSION = 4;
const SCHEMA = 1;
const VTABLE_AT = 4;
const ROOT_AT = 16;
const FOOTER_AT = 32;
const PREFIX_BYTES = 8;

/** @param end the last bytes of a file. @returns the length of the footer before them, or undefined where there is none */
export function footerBytes(end: Uint8Array): number | undefined {
  const view = new DataView(end.buffer, end.byteOffset, end.byteLength);
  if (end.length !== FOOTER_END_BYTES) return undefined;
  if (Buffer.from(end.subarray(4)).toString('latin1') !== ARROW_MAGIC) return undefined;
  const length = view.getInt32(0, true);
  return length > 0 && length <= MAX_FOOTER_BYTES ? length : undefined;
}

/** The schema message that a stream of the same batches begins with, or undefined where the footer is damaged. */
export function schemaMessageOf(footer: Uint8Array): Uint8Array | undefined {
  const view = new DataView(footer.buffer, footer.byteOffset, footer.byteLength);
  try {
    const table = view.getUint32(0, true);
    const vtable = table - view.getInt32(table, true);
    const field = table + view.getUint16(vtable + 6, true);
    const schemaAt = field + view.getUint32(field, true);
    const metadataBytes = Math.ceil((FOOTER_AT + footer.length) / 8) * 8;
    const message = new Uint8Array(PREFIX_BYTES + metadataBytes);
    const out = new DataView(message.buffer, PREFIX_BYTES);
    new DataView(message.buffer).setInt32(0, -1, true);
    new DataView(message.buffer).setInt32(4, metadataBytes, true);
    out.setUint32(0, ROOT_AT, true);
    [10, 12, 4, 6, 8].forEach((value, i) => out.setUint16(VTABLE_AT + i * 2, value, true));
    out.setInt32(ROOT_AT, ROOT_AT - VTABLE_AT, true);
    out.setInt16(ROOT_AT + 4, VERSION, true);
    out.setUint8(ROOT_AT + 6, SCHEMA);
    out.setUint32(ROOT_AT + 8, FOOTER_AT + schemaAt - (ROOT_AT + 8), true);
    message.set(footer, PREFIX_BYTES + FOOTER_AT);
    return message;
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}
