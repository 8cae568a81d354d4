import { expect } from 'chai';
import { keyGroupOf } from '../../lib/core/hash.js';
import { addChangedGroups, noGroups } from '../../lib/state/changed-groups.js';
import { newMemory } from '../columnar/key-fixture.js';
import { forSeeds, intBelow } from '../helpers/random-values.js';
import { deltaOf, hashOf, newTable, type Change } from './state-fixture.js';

describe('state/changed-groups', () => {
  it('has the key groups of a delta’s rows, set and removed, and no other', () => {
    forSeeds(20, random => {
      for (const numKeyGroups of [1, 2, 32, 64, 1024]) {
        const table = newTable(newMemory(), { numKeyGroups, to: numKeyGroups });
        const keys = Array.from({ length: intBelow(random, 40) }, () => `key ${intBelow(random, 1000)}`);
        const delta = deltaOf(
          table,
          keys.map((key, i): Change => [key, i % 3 === 0 ? undefined : 'v']),
        );
        const groups = noGroups(numKeyGroups);
        addChangedGroups(table, delta.address, groups);
        const found = Array.from({ length: numKeyGroups }, (_, g) => g).filter(
          g => ((groups[g >>> 5] ?? 0) >>> (g & 31)) & 1,
        );
        const expected = new Set(keys.map(key => keyGroupOf(hashOf(key), numKeyGroups)));
        expect(found, `${numKeyGroups} key groups`).to.deep.equal([...expected].toSorted((a, b) => a - b));
      }
    });
  });
});
