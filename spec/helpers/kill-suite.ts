/**
 * The main job as users run it, on real files with real workers, killed with SIGKILL again and again and started again
 * with another number of workers: what it leaves must be what a run leaves that was never killed.
 */
import { expect } from 'chai';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { writeClicks } from '../../jobs/generate-clicks.js';
import { countsOf, difference, lineCounts, runAndKill, type KillMoment } from './kill-runs.js';
import { randomOf } from './random-values.js';
import { stateRows } from './state-rows.js';

/** One in eight dies while it starts or restores; the others get some batches done first, so that each row of kills ends. */
function killMoment(random: () => number): KillMoment {
  return random() < 0.125
    ? { events: 0, ms: random() * 400 }
    : { events: 1 + Math.floor(random() * 20), ms: random() * 20 };
}

/** @param kills how many at the least; rows of kills and restarts go on until the last run of one ends by itself */
export function killSuite({ kills, seed }: { readonly kills: number; readonly seed: number }): void {
  describe(`the main job under kill -9 (seed ${seed})`, function () {
    this.timeout(120_000 + kills * 4000);
    let folder = '';
    let expected = new Map<string, number>();
    let expectedState = new Map<string, number>();

    const argsFor = (name: string, workers: number): string[] => [
      ...['jobs/click-view-counts.ts', '--once', '--interval', '10ms', '--workers', String(workers)],
      ...['--checkpoint', join(folder, name, 'checkpoint')],
      ...['--option', 'maxBatchBytes=8k', '--option', 'checkpointInterval=50ms'],
      ...['--arg', `input=${join(folder, 'input')}`, '--arg', `output=${join(folder, name, 'out.csv')}`],
    ];

    before(async () => {
      folder = mkdtempSync(join(tmpdir(), 'sluice-kill-'));
      const clicks = { events: 40_000, users: 3000, files: 8, seed, startMs: 1_700_000_000_000 };
      await writeClicks({ dir: join(folder, 'input'), ...clicks });
      const clean = await runAndKill(argsFor('clean', 2), undefined);
      expect(clean, clean.stderr).to.include({ exitCode: 0 });
      expected = lineCounts(join(folder, 'clean', 'out.csv'));
      expectedState = countsOf(await stateRows(join(folder, 'clean', 'checkpoint')));
    });

    after(() => rmSync(folder, { recursive: true, force: true }));

    it(`leaves the same output and state after at least ${kills} kills`, async () => {
      const random = randomOf(seed);
      let killed = 0;
      let runs = 0;
      for (let name = 0; killed < kills; name++) {
        for (let ended = false; !ended;) {
          expect(++runs, 'runs').to.be.lessThan(kills * 20);
          const workers = 1 + Math.floor(random() * 3);
          const run = await runAndKill(argsFor(`killed-${name}`, workers), killMoment(random));
          if (run.killed) killed++;
          else expect(run.exitCode, `run ${runs}: ${run.stderr}`).to.equal(0);
          ended = !run.killed;
        }
        const left = join(folder, `killed-${name}`);
        expect(difference(lineCounts(join(left, 'out.csv')), expected), `output after ${killed} kills`).to.equal('');
        const state = countsOf(await stateRows(join(left, 'checkpoint')));
        expect(difference(state, expectedState), `state after ${killed} kills`).to.equal('');
      }
    });

    it('has an oracle that sees a line too many, a line lost, and a line changed', () => {
      const file = join(folder, 'clean', 'out.csv');
      const text = readFileSync(file, 'utf8');
      const first = text.slice(0, text.indexOf('\n') + 1);
      const planted = (changed: string): string => {
        const path = join(folder, 'planted.csv');
        writeFileSync(path, changed);
        return difference(lineCounts(path), expected);
      };
      expect(planted(text)).to.equal('');
      expect(planted(text + first)).to.match(/^too many 1x: User/);
      expect(planted(text.slice(first.length))).to.match(/^lost 1x: User/);
      expect(planted(text.replace('clicked 1 times', 'clicked 7 times'))).to.match(/lost 1x[^]*too many 1x/);
    });
  });
}
