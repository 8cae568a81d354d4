import { EngineError } from '../core/errors.js';
import type { Column } from '../core/schema.js';
import type { ColumnVector } from './chunk.js';
import { KIND_CODE, VALUE_BYTES } from './column-layout.js';
import type { CellValue } from './decode-value.js';
import type { JsonPlaces } from './json-objects.js';
import type { Address, SlotMemory } from './slot-memory.js';

/**
 * The columns that a decoder fills, row by row: their arrays in scratch, the table through which the kernels find them
 * (layout in lib/kernels/scan-column.ts), and the same writes for rows that are decided in JavaScript.
 */

const ENTRY_BYTES = 48;
/** Stands where a column has its kind. */
const OBJECT_CODE = 6;

const TWO_32 = 4294967296;

/** Writes a safe integer as the two halves of an int64; `at` is an address. */
export function writeInt64(u32: Uint32Array, at: Address, value: number): void {
  const high = Math.floor(value / TWO_32);
  u32[at >>> 2] = value - high * TWO_32;
  u32[(at >>> 2) + 1] = high;
}

export class DecodeColumns {
  readonly declared: readonly Column[];
  readonly #memory: SlotMemory;
  readonly #kept: readonly boolean[];
  /** What the table says of names: those of the columns, then those of the objects that columns lie in. */
  readonly #names: readonly {
    readonly bytes: Uint8Array;
    readonly parent: number | undefined;
    readonly hasItems: boolean;
  }[];
  /** Address of the kernels' table, one entry a declared column. */
  table: Address = 0;
  /** Whether all text written by `putRow` is ASCII, and whether any was written. */
  ascii = true;
  copiedText = false;

  /**
   * @param wanted names to keep; undefined = all. Others are checked, not kept.
   * @param places of the columns in JSON records
   */
  constructor(
    memory: SlotMemory,
    declared: readonly Column[],
    wanted: readonly string[] | undefined,
    places?: JsonPlaces,
  ) {
    this.#memory = memory;
    this.declared = declared;
    const unknown = wanted?.find(name => !declared.some(column => column.name === name));
    if (unknown !== undefined) {
      const names = declared.map(column => column.name).join(', ');
      throw new EngineError(
        'internal',
        `the plan wants column ${unknown}, which its source does not declare (${names})`,
      );
    }
    this.#kept = declared.map(column => wanted === undefined || wanted.includes(column.name));
    const columns = places?.columns ?? declared.map(({ name }) => ({ name, parent: undefined }));
    this.#names = [...columns, ...(places?.objects ?? [])].map(place => ({
      bytes: Buffer.from(place.name, 'utf8'),
      parent: place.parent,
      hasItems: 'hasItems' in place && place.hasItems === true,
    }));
  }

  entry(column: number): Address {
    return this.table + column * ENTRY_BYTES;
  }

  /** Takes new arrays of `maxRows` values, and the table, from scratch. */
  begin(maxRows: number): void {
    const memory = this.#memory;
    const nameBytes = this.#names.reduce((sum, { bytes }) => sum + bytes.byteLength, 0);
    this.table = memory.scratch(this.#names.length * ENTRY_BYTES + nameBytes);
    this.ascii = true;
    this.copiedText = false;
    let nameAddress = this.entry(this.#names.length);
    this.#names.forEach(({ bytes, parent, hasItems }, i) => {
      const fields = i < this.declared.length ? this.#newArrays(i, maxRows) : [OBJECT_CODE, 0, 0, 0, 0];
      const object = parent === undefined ? 0 : this.entry(this.declared.length + parent);
      memory.u8.set(bytes, nameAddress);
      memory.u32.set([...fields, 0, nameAddress, bytes.byteLength, 0, object, Number(hasItems)], this.entry(i) >>> 2);
      nameAddress += bytes.byteLength;
    });
  }

  /** The beginning of a column's entry. */
  #newArrays(i: number, maxRows: number): number[] {
    const memory = this.#memory;
    const { kind, nullable } = this.declared[i];
    const kept = this.#kept[i];
    const values = kept ? memory.scratch(maxRows * VALUE_BYTES[kind]) : 0;
    const lengths = kept && kind === 'utf8' ? memory.scratch(maxRows * 4) : 0;
    const validity = kept && nullable ? memory.scratch((maxRows + 7) >> 3) : 0;
    return [KIND_CODE[kind], Number(nullable), values, lengths, validity];
  }

  /** Writes a row of checked values, one per declared column. Text goes to scratch. */
  putRow(row: number, values: readonly CellValue[]): void {
    for (let i = 0; i < values.length; i++) {
      if (this.#kept[i]) this.#put(i, row, values[i]);
    }
  }

  #put(i: number, row: number, value: CellValue): void {
    const memory = this.#memory;
    const at = this.entry(i) >>> 2;
    const values = memory.u32[at + 2];
    const validity = memory.u32[at + 4];
    if (validity !== 0) {
      const bit = 1 << (row & 7);
      const byte = memory.u8[validity + (row >> 3)];
      memory.u8[validity + (row >> 3)] = value === null ? byte & ~bit : byte | bit;
    }
    if (value === null) memory.u32[at + 5]++;
    const kind = this.declared[i].kind;
    if (kind === 'utf8') {
      const text = value === null ? '' : String(value);
      const byteLength = Buffer.byteLength(text);
      const address = byteLength === 0 ? 0 : memory.scratch(byteLength);
      if (byteLength > 0) {
        memory.bytes(address, byteLength).set(Buffer.from(text, 'utf8'));
        this.copiedText = true;
        if (byteLength !== text.length) this.ascii = false;
      }
      memory.u32[(values >>> 2) + row] = address;
      memory.u32[(memory.u32[at + 3] >>> 2) + row] = byteLength;
      return;
    }
    const number = Number(value);
    if (kind === 'bool') memory.u8[values + row] = number;
    else if (kind === 'int32') memory.i32[(values >>> 2) + row] = number;
    else if (kind === 'float64') memory.f64[(values >>> 3) + row] = number;
    else writeInt64(memory.u32, values + row * 8, number);
  }

  /** What was filled; a validity bitmap only where a value is null. */
  vectors(): readonly (ColumnVector | undefined)[] {
    const u32 = this.#memory.u32;
    return this.declared.map((_, i) => {
      if (!this.#kept[i]) return undefined;
      const at = this.entry(i) >>> 2;
      return { values: u32[at + 2], lengths: u32[at + 3], validity: u32[at + 5] === 0 ? 0 : u32[at + 4] };
    });
  }
}
