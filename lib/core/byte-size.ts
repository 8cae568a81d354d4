import { EngineError } from './errors.js';

const UNIT_BYTES: Record<string, number> = {
  b: 1,
  kb: 1000,
  mb: 1000 ** 2,
  gb: 1000 ** 3,
  kib: 1024,
  mib: 1024 ** 2,
  gib: 1024 ** 3,
  k: 1024,
  m: 1024 ** 2,
  g: 1024 ** 3,
};

/**
 * Reads `64MiB`, `64m` (the same), `64MB` (decimal), or a number of bytes.
 * @returns whole bytes; throws `optionInvalid` naming `what` otherwise
 */
export function parseBytes(text: string | number, what: string): number {
  const match = /^(\d+(?:\.\d+)?)\s*([kmg]?i?b?)$/i.exec(String(text).trim());
  const unitBytes = match ? UNIT_BYTES[(match[2] || 'b').toLowerCase()] : undefined;
  if (!match || unitBytes === undefined) {
    throw new EngineError('optionInvalid', `${what} wants a size such as 65536, 512KiB, 64MiB or 1GiB, got '${text}'`);
  }
  return Math.round(Number(match[1]) * unitBytes);
}

/** `480 kB`, `1.25 GB`: decimal, three digits at the most, for progress and totals. */
export function formatBytes(bytes: number): string {
  let value = bytes;
  for (const unit of ['B', 'kB', 'MB', 'GB']) {
    if (value < 999.5) return `${Number(value.toPrecision(3))} ${unit}`;
    value /= 1000;
  }
  return `${Number(value.toPrecision(3))} TB`;
}

/** `64MiB`, `1GiB` where it comes out whole, else the number of bytes: what `parseBytes` reads back as it was. */
export function formatBinaryBytes(bytes: number): string {
  for (const [unit, size] of [
    ['GiB', 1024 ** 3],
    ['MiB', 1024 ** 2],
    ['KiB', 1024],
  ] as const) {
    if (bytes >= size && bytes % size === 0) return `${bytes / size}${unit}`;
  }
  return String(bytes);
}
