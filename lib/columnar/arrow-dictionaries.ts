/**
 * The dictionaries of an Arrow stream as lists of slices, each made when a record batch first refers to it. They lie in
 * blocks of their own, because they outlive the record batch: until they are replaced, or `close`.
 *
 *   entries u32[n], lengths u32[n] -> | texts of the first message | texts of a delta | ...
 */
import { arrowBodyStart, dictionaryHead, type ArrowBuffer } from '../core/arrow-record-batch.js';
import { ArrowDamage } from './arrow-body.js';
import type { ArrowPlace } from './arrow-places.js';
import { readTexts } from './arrow-texts.js';
import type { Address, SlotMemory } from './slot-memory.js';

export interface ArrowEntries {
  /** u32[numEntries] each. */
  readonly values: Address;
  readonly lengths: Address;
  readonly numEntries: number;
  /** Entries that are no text. */
  readonly nulls: ReadonlySet<number>;
  readonly notUtf8: ReadonlySet<number>;
}

interface Dictionary {
  /** Messages that came since it was last looked up. */
  waiting: { readonly message: Uint8Array; readonly isWide: boolean }[];
  entries: ArrowEntries;
  blocks: Address[];
}

const NONE: ArrowEntries = { values: 0, lengths: 0, numEntries: 0, nulls: new Set(), notUtf8: new Set() };

export class ArrowDictionaries {
  readonly #memory: SlotMemory;
  readonly #byId = new Map<number, Dictionary>();
  #problem: string | undefined;

  constructor(memory: SlotMemory) {
    this.#memory = memory;
  }

  /**
   * A dictionary's message; the bytes are kept: no scratch.
   *
   * @param places of the columns of its stream: one that none of them refers to is left out
   */
  add(message: Uint8Array, places: readonly ArrowPlace[]): void {
    const head = dictionaryHead(message, message.length - arrowBodyStart(message));
    if (typeof head === 'string') {
      this.#problem = `a dictionary before it cannot be read: ${head}`;
      return;
    }
    const user = places.map(({ values }) => values).find(values => values.kind === 'entries' && values.id === head.id);
    if (user?.kind !== 'entries') return;
    const known = this.#byId.get(head.id);
    const waiting = { message, isWide: user.isWide };
    if (head.isDelta && known !== undefined) {
      known.waiting.push(waiting);
      return;
    }
    this.#free(known);
    this.#byId.set(head.id, { waiting: [waiting], entries: NONE, blocks: [] });
  }

  /** Throws `ArrowDamage` where what came cannot be read. */
  entriesOf(id: number): ArrowEntries {
    if (this.#problem !== undefined) throw new ArrowDamage(this.#problem);
    const dictionary = this.#byId.get(id);
    // A batch of nulls needs none; any other refers to a text that is not there.
    if (dictionary === undefined) return NONE;
    while (dictionary.waiting.length > 0) {
      this.#append(dictionary, dictionary.waiting[0]);
      dictionary.waiting.shift();
    }
    return dictionary.entries;
  }

  /** A new stream begins, or the last one has ended: gives the memory back. */
  close(): void {
    for (const dictionary of this.#byId.values()) this.#free(dictionary);
    this.#byId.clear();
    this.#problem = undefined;
  }

  #append(dictionary: Dictionary, { message, isWide }: Dictionary['waiting'][number]): void {
    const memory = this.#memory;
    const bodyStart = arrowBodyStart(message);
    const head = dictionaryHead(message, message.length - bodyStart);
    if (typeof head === 'string') throw new ArrowDamage(head);
    const { numRows, nodes, buffers } = head.batch;
    const [bits, offsets, texts] = buffers;
    const [node] = nodes;
    const hasNulls = node !== undefined && node.numNulls > 0;
    const isWhole =
      node?.numRows === numRows &&
      texts !== undefined &&
      offsets.length >= (numRows === 0 ? 0 : (numRows + 1) * (isWide ? 8 : 4)) &&
      bits.length >= (hasNulls ? (numRows + 7) >> 3 : 0);
    if (!isWhole) throw new ArrowDamage(`the buffers of dictionary ${head.id} are too short for ${numRows} texts`);
    const { entries: before } = dictionary;
    const first = before.numEntries;
    const numEntries = first + numRows;
    const [values, lengths, bytes] = [numEntries * 4, numEntries * 4, texts.length].map(size => memory.alloc(size));
    memory.u8.copyWithin(values, before.values, before.values + first * 4);
    memory.u8.copyWithin(lengths, before.lengths, before.lengths + first * 4);
    const mark = memory.scratchMark();
    const copyOf = ({ offset, length }: ArrowBuffer, address: Address): Address => {
      memory.bytes(address, length).set(message.subarray(bodyStart + offset, bodyStart + offset + length));
      return address;
    };
    const nulls = new Set(before.nulls);
    const notUtf8 = new Set(before.notUtf8);
    try {
      const validity = hasNulls ? copyOf(bits, memory.scratch(bits.length)) : 0;
      const of = { offsets: copyOf(offsets, memory.scratch(offsets.length)), isWide, validity };
      const given = { ...of, bytes: copyOf(texts, bytes), numBytes: texts.length };
      for (const row of readTexts(memory, given, numRows, values + first * 4, lengths + first * 4))
        notUtf8.add(first + row);
      for (let row = 0; hasNulls && row < numRows; row++) {
        if (((memory.u8[validity + (row >> 3)] >> (row & 7)) & 1) === 0) nulls.add(first + row);
      }
    } catch (error) {
      for (const address of [values, lengths, bytes]) memory.free(address);
      throw error;
    }
    memory.releaseScratch(mark);
    // The two lists are made anew, the texts stay.
    const [oldValues, oldLengths, ...oldTexts] = dictionary.blocks;
    for (const old of [oldValues, oldLengths]) if (old !== undefined) memory.free(old);
    dictionary.blocks = [values, lengths, ...oldTexts, bytes];
    dictionary.entries = { values, lengths, numEntries, nulls, notUtf8 };
  }

  #free(dictionary: Dictionary | undefined): void {
    for (const address of dictionary?.blocks ?? []) this.#memory.free(address);
  }
}
