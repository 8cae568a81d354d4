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
import type { Json } from '../core/json.js';
import { corrupt } from './checkpoint-files.js';

/** Of manifests and locks; log segments have their own. */
export const FORMAT_VERSION = 1;
const LAST_LINE = /^crc32 ([0-9a-f]{8})\n$/;
const LAST_LINE_BYTES = 'crc32 01234567\n'.length;

const hex = (checksum: number): string => checksum.toString(16).padStart(8, '0');

export function encodeCheckedJson(format: string, content: { readonly [name: string]: Json }): Uint8Array {
  const text = Buffer.from(
    `${JSON.stringify({ format, version: FORMAT_VERSION, ...content }, undefined, 1)}\n`,
    'utf8',
  );
  return Buffer.concat([text, Buffer.from(`crc32 ${hex(crc32(text))}\n`, 'latin1')]);
}

/**
 * @param path names the file in errors
 * @returns the content, `format` and `version` included; throws `checkpointCorrupt` when the checksum, and
 *   `checkpointForeign` when the format or its version is another one
 */
export function decodeCheckedJson(format: string, bytes: Uint8Array, path: string): { readonly [name: string]: Json } {
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
  if (content['version'] !== FORMAT_VERSION) {
    throw new EngineError(
      'checkpointForeign',
      `${path} is of format version ${JSON.stringify(content['version'] ?? null)}, this version of Sluice reads ` +
        `${FORMAT_VERSION}: use the version that wrote it, or a new checkpoint directory`,
    );
  }
  return content;
}
