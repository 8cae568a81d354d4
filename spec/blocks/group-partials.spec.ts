import { expect } from 'chai';
import { BlockDamaged } from '../../lib/blocks/block-damaged.js';
import { mergeGroupBlock, writeGroupBlocks } from '../../lib/blocks/group-block.js';
import { GroupTable } from '../../lib/columnar/group-table.js';
import { keySlices } from '../../lib/columnar/keys.js';
import type { WideAggregate } from '../../lib/columnar/wide/wide-aggregate.js';
import { WideTable } from '../../lib/columnar/wide/wide-table.js';
import type { SlotMemory } from '../../lib/columnar/slot-memory.js';
import { COUNT, newMemory, textChunk, textsOf } from '../columnar/key-fixture.js';
import { forSeeds, intBelow, pick } from '../helpers/random-values.js';

const LIST: WideAggregate = {
  name: 'xs',
  kind: 'collectList',
  column: 'x',
  inputKind: 'utf8',
  outputKind: 'list',
  nullable: false,
};
const DISTINCT: WideAggregate = { ...LIST, name: 'n', kind: 'countDistinct', outputKind: 'int64' };

type Row = readonly [key: string, value: string | null];

interface Groups {
  readonly table: GroupTable;
  readonly wide: WideTable;
}

const newGroups = (memory: SlotMemory, wide: readonly WideAggregate[] = [LIST, DISTINCT]): Groups => ({
  table: new GroupTable(memory, [COUNT]),
  wide: new WideTable(wide),
});

function groupsOf(memory: SlotMemory, rows: readonly Row[]): Groups {
  const groups = newGroups(memory);
  const keys = keySlices(
    textChunk(
      memory,
      rows.map(([key]) => key),
    ),
    [0],
  );
  const values = rows.map(([, value]) => value);
  const inputs = [LIST, DISTINCT].map(() => ({ values, mask: undefined }));
  groups.table.update(keys, rows.length, [{}], (of, from) => groups.wide.add(of, from, inputs));
  return groups;
}

/** Key, list and number of distinct values of each group. */
function shown({ table, wide }: Groups): [string, unknown, unknown][] {
  const texts = textsOf(table.memory, table.keys(), table.numGroups);
  return texts.map((text, i) => [text, wide.results(0, [i + 1])[0], wide.results(1, [i + 1])[0]]);
}

describe('blocks/group-partials', () => {
  it('bring each group to its partition, lists in the order of the map tasks', () => {
    forSeeds(15, random => {
      const numPartitions = pick(random, [1, 2, 3, 40]);
      const keys = Array.from({ length: 40 }, (_, i) => `${'k'.repeat(pick(random, [0, 15, 17]))}${i}`);
      const tasks = Array.from({ length: 3 }, () => {
        // More rows than a block of the group table, so that numbers of rows and groups come apart.
        const rows = Array.from({ length: pick(random, [0, 1, 50, 5000]) }, (): Row => [
          pick(random, keys),
          random() < 0.2 ? null : `${intBelow(random, 50)}`,
        ]);
        const memory = newMemory();
        const groups = groupsOf(memory, rows);
        return { rows, memory, blocks: writeGroupBlocks(groups.table, numPartitions, 128, { wide: groups.wide }) };
      });
      const found: unknown[] = [];
      for (let p = 0; p < numPartitions; p++) {
        const into = newGroups(tasks[0]?.memory ?? newMemory());
        for (const { memory, blocks } of tasks) {
          const block = blocks[p];
          if (block) mergeGroupBlock(into.table, memory.bytes(block.address, block.byteLength), into.wide);
        }
        found.push(...shown(into));
      }
      const lists = new Map<string, string[]>();
      for (const [key, value] of tasks.flatMap(({ rows }) => rows)) {
        const list = lists.get(key) ?? [];
        lists.set(key, list);
        if (value !== null) list.push(value);
      }
      const wanted = [...lists].map(([key, list]) => [key, list, new Set(list).size]);
      expect(new Map(found.map(row => [(row as [string])[0], row]))).to.deep.equal(
        new Map(wanted.map(row => [String(row[0]), row])),
      );
      expect(found.length).to.equal(wanted.length);
    });
  });

  it('are known when they are damaged, missing or of other aggregates', () => {
    const memory = newMemory();
    const { table, wide } = groupsOf(memory, [
      ['a', 'x'],
      ['b', 'y'],
    ]);
    const [block] = writeGroupBlocks(table, 1, 128, { wide });
    if (block === undefined || block === null) throw new Error('no block was written');
    const bytes = Uint8Array.from(memory.bytes(block.address, block.byteLength));
    const merge = (made: Uint8Array, into = newGroups(newMemory())): void =>
      mergeGroupBlock(into.table, made, into.wide);
    merge(bytes);
    // The first array's tag and length; what is in the arrays is known by the checksum only.
    const wideBytes = new DataView(bytes.buffer).getUint32(24, true);
    for (const at of [0, 1]) {
      const damaged = Uint8Array.from(bytes);
      damaged[bytes.length - wideBytes + at] = 0xff;
      expect(() => merge(damaged), `byte ${at}`).to.throw(BlockDamaged);
    }
    expect(() => merge(bytes, newGroups(newMemory(), [LIST]))).to.throw(BlockDamaged, '1 partials of a group');
    expect(() => mergeGroupBlock(new GroupTable(newMemory(), [COUNT]), bytes)).to.throw(
      BlockDamaged,
      'without partials',
    );
    const [checked] = writeGroupBlocks(table, 1, 128, { wide, checksum: true });
    if (checked === undefined || checked === null) throw new Error('no block was written');
    const summed = Uint8Array.from(memory.bytes(checked.address, checked.byteLength));
    merge(summed);
    for (let at = summed.length - wideBytes; at < summed.length; at++) {
      const damaged = Uint8Array.from(summed);
      damaged[at] ^= 4;
      expect(() => merge(damaged), `byte ${at}`).to.throw(BlockDamaged, 'crc32');
    }
    const [plain] = writeGroupBlocks(table, 1, 128);
    if (plain === undefined || plain === null) throw new Error('no block was written');
    expect(() => merge(memory.bytes(plain.address, plain.byteLength))).to.throw(BlockDamaged);
  });
});
