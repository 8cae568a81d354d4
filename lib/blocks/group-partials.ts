/** The wide accumulators of a block of groups: one array of partials for each group, in the order of the groups. */
import { messageOf } from '../core/errors.js';
import { ValueReader } from '../core/value-decode.js';
import { ValueWriter } from '../core/value-encode.js';
import type { WideTable } from '../columnar/wide/wide-table.js';
import { BlockDamaged } from './block-damaged.js';

/** The partials of all groups, by the partition that each goes to. @param partitions of group 1, 2, ... */
export function partitionPartials(
  wide: WideTable,
  partitions: Uint32Array,
  numGroups: number,
): ReadonlyMap<number, Uint8Array> {
  const writers = new Map<number, ValueWriter>();
  for (let i = 0; i < numGroups; i++) {
    let writer = writers.get(partitions[i]);
    if (writer === undefined) writers.set(partitions[i], (writer = new ValueWriter()));
    writer.write(wide.partials(i + 1));
  }
  return new Map([...writers].map(([partition, writer]) => [partition, writer.bytes()]));
}

/** Merges the partials of a block's groups as the group table comes to them. */
export class PartialReader {
  readonly #reader: ValueReader;
  readonly #wide: WideTable;
  readonly #end: number;

  constructor(bytes: Uint8Array, wide: WideTable) {
    this.#reader = new ValueReader(bytes);
    this.#wide = wide;
    this.#end = bytes.length;
  }

  readonly visit = (groups: Uint32Array): void => {
    for (const group of groups) this.#wide.merge(group, this.#next());
  };

  /** Throws `BlockDamaged` when there is more than was read. */
  end(): void {
    const { offset } = this.#reader;
    if (offset !== this.#end) throw new BlockDamaged(`${this.#end} bytes of partials`, `${offset} that are used`);
  }

  #next(): readonly unknown[] {
    const { length } = this.#wide.aggregates;
    let partials: unknown;
    try {
      partials = this.#reader.read();
    } catch (cause) {
      throw new BlockDamaged(`${length} partials of a group`, messageOf(cause), { cause });
    }
    if (Array.isArray(partials) && partials.length === length) return partials;
    throw new BlockDamaged(`${length} partials of a group`, Array.isArray(partials) ? `${partials.length}` : 'none');
  }
}
