/**
 * A small text file that says itself whether it is whole: JSON that people can read, and a last line with its checksum.
 *
 *   {
 *    "format": "sluice-manifest",
 *    "version": 1,
 *    ...
 *   }
 *   crc32 0a1b2c3d
 */
import { crc32 } from 'node:zlib';
import { EngineError } from '../core/errors.js';
import { newerFormat } from '../core/format-version.js';
import type { Json } from '../core/json.js';
import { corrupt } from './checkpoint-files.js';

const LAST_LINE = /^crc32 ([0-9a-f]{8})\n$/;
const LAST_LINE_BYTES = 'crc32 01234567\n'.length;

const hex = (checksum: number): string => checksum.toString(16).padStart(8, '0');

export function encodeCheckedJson(format: string, content: { readonly [name: string]: Json }, version = 1): Uint8Array {
  const text = Buffer.from(`${JSON.stringify({ format, version, ...content }, undefined, 1)}\n`, 'utf8');
  return Buffer.concat([text, Buffer.from(`crc32 ${hex(crc32(text))}\n`, 'latin1')]);
}

/**
 * @param newest the version of the format that this version of Sluice writes; it reads those before too
 * @param path names the file in errors
 * @returns the content, `format` and `version` included; throws `checkpointCorrupt` when the checksum, and
 *   `checkpointForeign` when the format is another one or its version a newer one
 */
export function decodeCheckedJson(
  format: string,
  bytes: Uint8Array,
  path: string,
  newest = 1,
): { readonly [name: string]: Json } {
  const text = bytes.subarray(0, Math.max(0, bytes.byteLength - LAST_LINE_BYTES));
  const match = LAST_LINE.exec(Buffer.from(bytes.subarray(text.byteLength)).toString('latin1'));
  if (!match) throw corrupt(path, text.byteLength, `wanted a last line with its checksum in ${bytes.byteLength} bytes`);
  if (match[1] !== hex(crc32(text))) {
    throw corrupt(path, 0, `its checksum is ${hex(crc32(text))}, the last line says ${match[1]}`);
  }
  const content = JSON.parse(Buffer.from(text).toString('utf8')) as { readonly [name: string]: Json };
  if (content['format'] !== format) {
    const found = JSON.stringify(content['format'] ?? null);
    throw new EngineError('checkpointForeign', `${path}: wanted a file of format "${format}", found ${found}`);
  }
  const version = content['version'];
  if (!(typeof version === 'number' && version >= 1 && version <= newest))
    throw newerFormat(path, JSON.stringify(version ?? null), newest);
  return content;
}
