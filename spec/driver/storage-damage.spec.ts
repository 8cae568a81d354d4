/** Damage to what a killed run left, in every kind of file. All of it is tried by `npm run test:sweep`, some of it here. */
import { expect } from 'chai';
import { crashFiles } from '../helpers/crash-files.js';
import { nameOf } from '../helpers/crash-world.js';
import { checkDamage, damageCells, damagesOf, killedRun, otherJob } from '../helpers/damage-suite.js';
import { randomOf, shuffled } from '../helpers/random-values.js';

const seed = Number(process.env['SLUICE_SEED'] ?? 1);

describe(`a run on damaged storage (seed ${seed})`, () => {
  const files = crashFiles();
  for (const [i, cell] of damageCells().entries()) {
    it(`refuses, or ends as if nothing were: ${nameOf(cell)}`, async () => {
      const random = randomOf(seed * 100 + i);
      const killed = await killedRun(cell, files.path, 0.7 + random() * 0.25);
      const damages = damagesOf(killed, await otherJob(killed));
      const kinds = damages.map(({ path }) => path.replace(/.*[.]|.*\//, ''));
      expect(kinds).to.include.members(['wal', 'MANIFEST', 'prev', cell.operator.name === 'table' ? 'table' : 'arrow']);
      let numRefused = 0;
      for (const damage of shuffled(random, damages).slice(0, 16))
        if ((await checkDamage(killed, damage)) !== undefined) numRefused++;
      expect(numRefused, 'refusals').to.be.above(1);
    }).timeout(60_000);
  }

  it('says which file is damaged, where, and what to do', async () => {
    const [cell] = damageCells();
    if (cell === undefined) throw new Error('there are no cells');
    const killed = await killedRun(cell, files.path, 0.9);
    const damages = damagesOf(killed, killed.fs);
    const messageFor = async (pattern: RegExp, what: RegExp): Promise<string> => {
      const found = damages.find(damage => pattern.test(damage.path) && what.test(damage.what));
      if (found === undefined) throw new Error(`no damage of ${pattern}`);
      return (await checkDamage(killed, found))?.message ?? 'harmless';
    };
    const last = killed.fs.paths().findLast(path => path.endsWith('.wal')) ?? '';
    expect(await messageFor(new RegExp(last), /byte 5 flipped/)).to.match(/\.wal at byte 0: .*from a copy/);
    const lock = killed.fs.paths().find(path => path.includes('/LOCK')) ?? '';
    expect(await messageFor(new RegExp(lock), /byte 17 flipped/)).to.match(/LOCK\.\d+ is damaged.*remove the file/);
  });
});
