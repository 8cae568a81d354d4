/**
 * How long the messages of Arrow's IPC format are, told from their first bytes, so that a stream can be cut between them:
 *
 *   0 i32 -1   4 i32 length of the metadata, with padding; 0 = end of the stream   8 metadata, a flatbuffer   then the body
 *
 * The metadata's root table (`Message` in Arrow's format/Message.fbs) has its kind in field 1 and the length of the body
 * in field 3. A file in the file form is such a stream too, between `ARROW1\0\0` and a footer.
 */
export type ArrowMessage =
  /** A schema, a dictionary or a record batch of `bytes` bytes in all. */
  | { readonly kind: 'schema' | 'dictionary' | 'recordBatch' | 'other'; readonly bytes: number }
  | { readonly kind: 'end' }
  /** So many bytes from the message's beginning on have to be there to tell. */
  | { readonly kind: 'short'; readonly wanted: number }
  | { readonly kind: 'malformed' };

export const ARROW_MAGIC = 'ARROW1';
/** Of what stands before the first message in the file form. */
export const ARROW_MAGIC_BYTES = 8;
export const END_BYTES = 8;
const PREFIX_BYTES = 8;
const MAX_METADATA_BYTES = 16 * 1024 * 1024;
const KINDS = ['other', 'schema', 'dictionary', 'recordBatch'] as const;
const MALFORMED: ArrowMessage = { kind: 'malformed' };

/** What begins with these bytes; there may be more of them than the message has. */
export function arrowMessage(bytes: Uint8Array): ArrowMessage {
  if (bytes.length < PREFIX_BYTES) return { kind: 'short', wanted: PREFIX_BYTES };
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.getInt32(0, true) !== -1) return MALFORMED;
  const metadataBytes = view.getInt32(4, true);
  if (metadataBytes === 0) return { kind: 'end' };
  if (metadataBytes < 0 || metadataBytes > MAX_METADATA_BYTES) return MALFORMED;
  const bodyStart = PREFIX_BYTES + metadataBytes;
  if (bytes.length < bodyStart) return { kind: 'short', wanted: bodyStart };
  const metadata = new DataView(bytes.buffer, bytes.byteOffset + PREFIX_BYTES, metadataBytes);
  try {
    const kind = KINDS[fieldAt(metadata, 1, at => metadata.getUint8(at)) ?? 0] ?? 'other';
    const bodyBytes = Number(fieldAt(metadata, 3, at => metadata.getBigInt64(at, true)) ?? 0n);
    return bodyBytes >= 0 && Number.isSafeInteger(bodyBytes) ? { kind, bytes: bodyStart + bodyBytes } : MALFORMED;
  } catch (error) {
    // An offset that leads out of the metadata.
    if (error instanceof RangeError) return MALFORMED;
    throw error;
  }
}

/** The field of the root table, or undefined where it has its default. */
function fieldAt<T>(metadata: DataView, field: number, read: (at: number) => T): T | undefined {
  const table = metadata.getUint32(0, true);
  const vtable = table - metadata.getInt32(table, true);
  const slot = 4 + field * 2;
  if (slot + 2 > metadata.getUint16(vtable, true)) return undefined;
  const offset = metadata.getUint16(vtable + slot, true);
  return offset === 0 ? undefined : read(table + offset);
}
