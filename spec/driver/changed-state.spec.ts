import { expect } from 'chai';
import { ChangedState, type WantedFile } from '../../lib/driver/changed-state.js';
import type { SnapshotFileRef } from '../../lib/protocol/messages.js';
import { forSeeds, intBelow, type Random } from '../helpers/random-values.js';

const GROUPS = 16;

/** A set of key groups, a bit each. */
const bits = (...groups: readonly number[]): Uint32Array =>
  Uint32Array.of(groups.reduce((word, group) => word | (1 << group), 0));

const written = (wanted: readonly WantedFile[], generation = 1): SnapshotFileRef[] =>
  wanted.map(({ operator, partition, groups }) => {
    const path = `${operator}-${groups.from}-${groups.to}-${generation}`;
    return { operator, partition, groups, path, byteLength: 100 * (groups.to - groups.from), crc32: 0, numRows: 2000 };
  });

const rangesOf = (files: readonly WantedFile[]): string[] =>
  files.map(({ groups, partition }) => `${partition}: ${groups.from}-${groups.to}`);

/** All of one operator written, in files of so many key groups. */
function snapshotted(partitions: number, groupsPerFile: number): ChangedState {
  const bytes = 2000 * groupsPerFile;
  const state = new ChangedState(GROUPS, new Map([['o', partitions]]), [], bytes);
  // Rows count 64 bytes each before a file says more.
  for (let p = 0; p < partitions; p++) state.setRows('o', p, Math.ceil((GROUPS / partitions) * (2000 / 64)));
  const { wanted, taken } = state.begin();
  taken(written(wanted));
  return state;
}

describe('driver/changed-state', () => {
  it('writes everything the first time, and then nothing until something changes', () => {
    const state = new ChangedState(GROUPS, new Map([['o', 2]]), []);
    const { kept, wanted, taken } = state.begin();
    expect([kept.length, rangesOf(wanted)]).to.deep.equal([0, ['0: 0-8', '1: 8-16']]);
    taken(written(wanted));
    expect(state.changedBytes).to.equal(0);
    const next = state.begin();
    expect([rangesOf(next.wanted), next.kept.map(({ path }) => path)]).to.deep.equal([[], ['o-0-8-1', 'o-8-16-1']]);
  });

  it('writes the files of the key groups that changed, and names the others as they are', () => {
    const state = snapshotted(2, 3);
    state.note('o', 0, bits(4));
    state.note('o', 1, bits(15));
    expect(state.changedBytes).to.equal(300 + 200);
    const { kept, wanted } = state.begin();
    expect(rangesOf(wanted)).to.deep.equal(['0: 3-6', '1: 14-16']);
    expect(kept.map(({ path }) => path)).to.deep.equal(['o-0-3-1', 'o-6-8-1', 'o-8-11-1', 'o-11-14-1']);
  });

  it('takes what is noted while a snapshot is being written into the next one', () => {
    const state = snapshotted(1, 4);
    state.note('o', 0, bits(0));
    const { wanted, taken } = state.begin();
    expect(rangesOf(wanted)).to.deep.equal(['0: 0-4']);
    state.note('o', 0, bits(1, 9));
    taken(written(wanted, 2));
    expect(rangesOf(state.begin().wanted)).to.deep.equal(['0: 0-4', '0: 8-12']);
  });

  it('takes everything of a partition for changed where the worker did not say what', () => {
    const state = snapshotted(2, 4);
    state.note('o', 1, undefined);
    expect(rangesOf(state.begin().wanted)).to.deep.equal(['1: 8-16']);
  });

  it('goes on with the files of another number of partitions, and of manifests that name no key groups', () => {
    const files = [0, 1].map((partition): SnapshotFileRef => ({
      ...{ operator: 'o', partition, path: `p${partition}`, byteLength: 10, crc32: 0, numRows: 1 },
    }));
    const state = new ChangedState(GROUPS, new Map([['o', 3]]), files);
    expect(state.begin().wanted).to.deep.equal([]);
    expect(state.begin().kept[1]?.groups).to.deep.equal({ from: 8, to: 16 });
    state.note('o', 2, bits(12));
    // The old file lies over the border of two partitions of now: each writes its part.
    expect(rangesOf(state.begin().wanted)).to.deep.equal(['1: 8-11', '2: 11-16']);
  });

  it('covers each key group by exactly one file, and none that changed by an old one', () => {
    forSeeds(50, (random: Random) => {
      const partitions = 1 + intBelow(random, 5);
      let state = snapshotted(partitions, 1 + intBelow(random, 6));
      let files: readonly SnapshotFileRef[] = state.begin().kept;
      for (let generation = 2; generation < 8; generation++) {
        const changed = Array.from({ length: intBelow(random, 4) }, () => intBelow(random, GROUPS));
        for (let p = 0; p < partitions; p++) state.note('o', p, bits(...changed));
        const { kept, wanted, taken } = state.begin();
        const fresh = written(wanted, generation);
        taken(fresh);
        files = [...kept, ...fresh];
        const owners = Array.from({ length: GROUPS }, (_, group) =>
          files.filter(({ groups }) => groups !== undefined && groups.from <= group && group < groups.to),
        );
        expect(owners.map(({ length }) => length)).to.deep.equal(owners.map(() => 1));
        for (const group of changed) expect(owners[group]?.[0]?.path).to.match(new RegExp(`-${generation}$`));
        // A restart goes on from them.
        if (intBelow(random, 3) === 0) state = new ChangedState(GROUPS, new Map([['o', partitions]]), files);
      }
    });
  });
});
