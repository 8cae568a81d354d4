import type { Column } from '../../lib/core/schema.js';

/** A plain RFC 4180 reader: one character at a time over one character a byte. */
export interface OracleRecord {
  readonly offset: number;
  readonly byteLength: number;
  /** Undefined when the quoting is wrong. */
  readonly fields: readonly { readonly bytes: string; readonly quoted: boolean }[] | undefined;
}

export function readCsv(input: string, delimiter: string): OracleRecord[] {
  const records: OracleRecord[] = [];
  let p = 0;
  while (p < input.length) {
    const offset = p;
    const fields: { bytes: string; quoted: boolean }[] = [];
    let isWrong = false;
    let ended = false;
    let byteLength = 0;
    while (!ended) {
      let bytes = '';
      let quoted = false;
      if (input[p] === '"') {
        quoted = true;
        p++;
        for (;;) {
          if (p >= input.length) {
            isWrong = true;
            break;
          }
          if (input[p] === '"' && input[p + 1] === '"') {
            bytes += '"';
            p += 2;
          } else if (input[p] === '"') {
            p++;
            break;
          } else bytes += input[p++];
        }
      }
      let after = '';
      while (p < input.length && input[p] !== delimiter && input[p] !== '\n') after += input[p++];
      const atLineEnd = input[p] === '\n';
      if (atLineEnd && after.endsWith('\r')) after = after.slice(0, -1);
      if (quoted && after !== '') isWrong = true;
      fields.push({ bytes: quoted ? bytes : after, quoted });
      if (p >= input.length || atLineEnd) {
        ended = true;
        byteLength = p - offset - (atLineEnd && p > offset && input[p - 1] === '\r' ? 1 : 0);
      }
      p++;
    }
    if (byteLength > 0) records.push({ offset, byteLength, fields: isWrong ? undefined : fields });
  }
  return records;
}

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** The value of a field, or undefined when it has none. */
export function csvValue(column: Column, bytes: string, quoted: boolean): unknown {
  if (bytes === '' && !quoted && column.nullable) return null;
  switch (column.kind) {
    case 'utf8':
      try {
        return decoder.decode(Buffer.from(bytes, 'latin1'));
      } catch {
        return undefined;
      }
    case 'bool':
      return { true: true, 1: true, false: false, 0: false }[bytes];
    case 'float64':
      if (['NaN', 'Infinity', '-Infinity'].includes(bytes)) return Number(bytes);
      return /^[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)(e[+-]?[0-9]+)?$/i.test(bytes) ? Number(bytes) : undefined;
    case 'timestamp':
      if (/^\d{4}-/.test(bytes)) return instant(bytes);
      break;
    case 'int32':
    case 'int64':
      break;
  }
  if (!/^[+-]?[0-9]+$/.test(bytes)) return undefined;
  const value = Number(bytes);
  const limit = column.kind === 'int32' ? 2 ** 31 : 2 ** 53;
  return value >= limit || value < -limit || !Number.isSafeInteger(value) ? undefined : value + 0;
}

/** Date.parse, with UTC where no zone is written. */
export function instant(text: string): number | undefined {
  const match = /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d(?::\d\d(?:\.\d+)?)?) ?(Z|[+-]\d\d:?\d\d)?)?$/.exec(text);
  if (!match) return undefined;
  const ms = Date.parse(match[2] === undefined ? text : `${match[1]}T${match[2]}${match[3] ?? 'Z'}`);
  return Number.isNaN(ms) ? undefined : ms;
}

/** What a decoder has to give: rows of the kept columns, and where the bad records are. */
export function decodeCsv(
  input: Uint8Array,
  delimiter: string,
  columns: readonly Column[],
  header: readonly string[],
  kept: readonly string[],
): { rows: unknown[]; bad: { offset: number; byteLength: number }[] } {
  const rows: unknown[] = [];
  const bad: { offset: number; byteLength: number }[] = [];
  for (const { offset, byteLength, fields } of readCsv(Buffer.from(input).toString('latin1'), delimiter)) {
    const values = columns.map(column => {
      const field = fields?.[header.indexOf(column.name)];
      return field === undefined ? undefined : csvValue(column, field.bytes, field.quoted);
    });
    if (fields?.length !== header.length || values.includes(undefined)) bad.push({ offset, byteLength });
    else {
      const entries = columns.map((column, i) => [column.name, values[i]] as const);
      rows.push(Object.fromEntries(entries.filter(([name]) => kept.includes(name))));
    }
  }
  return { rows, bad };
}
