/** What stands before the first record batch of an Arrow file: magic bytes in the file form, and the schema. */
import { FOOTER_END_BYTES, footerBytes, schemaMessageOf } from '../core/arrow-footer.js';
import { ARROW_MAGIC, ARROW_MAGIC_BYTES, arrowMessage, END_BYTES } from '../core/arrow-message.js';
import type { ArrowFormat } from '../core/format.js';
import { arrowSchemaOf, arrowSchemaProblem } from '../columnar/arrow-types.js';
import { MAX_HEADER_BYTES } from './file-range.js';

export type ReadAt = (position: number, length: number) => Uint8Array;

export interface ArrowHead {
  /** The form with magic bytes at both ends and a footer. */
  readonly isFileForm: boolean;
  /** The schema message; undefined where something else stands in its place. */
  readonly schema: Uint8Array | undefined;
  /** Where what follows it begins. */
  readonly end: number;
}

/**
 * @param readAt gives fewer bytes where the file ends
 * @param size bytes beyond are not looked at
 * @returns undefined while the schema is not complete
 */
export function arrowHeadOf(readAt: ReadAt, size: number): ArrowHead | undefined {
  const bytesAt: ReadAt = (position, length) => readAt(position, Math.max(0, Math.min(length, size - position)));
  const isFileForm = Buffer.from(bytesAt(0, ARROW_MAGIC_BYTES)).toString('latin1').startsWith(ARROW_MAGIC);
  const start = isFileForm ? ARROW_MAGIC_BYTES : 0;
  let message = arrowMessage(bytesAt(start, END_BYTES));
  if (message.kind === 'short' && message.wanted <= MAX_HEADER_BYTES) {
    message = arrowMessage(bytesAt(start, message.wanted));
  }
  if (message.kind === 'schema' && message.bytes <= MAX_HEADER_BYTES) {
    const schema = bytesAt(start, message.bytes);
    return schema.length < message.bytes ? undefined : { isFileForm, schema, end: start + message.bytes };
  }
  // A few bytes of a file that is being written.
  if (message.kind === 'short' && message.wanted <= MAX_HEADER_BYTES) return undefined;
  const none = { isFileForm, schema: undefined, end: Math.min(size, start + END_BYTES) };
  if (!isFileForm) return none;
  const length = footerBytes(bytesAt(size - FOOTER_END_BYTES, FOOTER_END_BYTES));
  if (length === undefined) return undefined;
  const schema = schemaMessageOf(bytesAt(size - FOOTER_END_BYTES - length, length));
  return schema === undefined ? none : { isFileForm, schema, end: start };
}

/** Why a file with this schema is not read, or undefined when it is. Needs `loadArrow`. */
export function arrowHeadProblem({ schema: message }: ArrowHead, format: ArrowFormat): string | undefined {
  const missing = 'an Arrow schema was wanted at the beginning (in the form since Arrow 0.15), got something else';
  if (message === undefined) return missing;
  const schema = arrowSchemaOf(message);
  return schema === undefined ? missing : arrowSchemaProblem(schema, format.columns);
}
