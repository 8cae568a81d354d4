/**
 * The main job as users run it, on real files with real workers, killed with SIGKILL again and again: what it leaves
 * must be what a run leaves that was never killed. SLUICE_KILLS sets how many kills at least (default 10), SLUICE_SEED
 * when they come.
 */
import { expect } from 'chai';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { writeClicks } from '../../jobs/generate-clicks.js';
import { countsOf, difference, lineCounts, runAndKill, type KillMoment } from '../helpers/kill-runs.js';
import { stateRows } from '../helpers/state-rows.js';

const KILLS = Number(process.env['SLUICE_KILLS'] ?? 10);
const SEED = Number(process.env['SLUICE_SEED'] ?? 1);
const MAX_RUNS = KILLS * 20;

/** A small seeded generator of numbers in [0, 1). */
function random(seed: number): () => number {
  let state = seed >>> 0 || 1;
  return () => {
    state ^= state << 13;
    state >>>= 0;
    state ^= state >>> 17;
    state ^= state << 5;
    state >>>= 0;
    return state / 4294967296;
  };
}

/** One in eight dies while it starts or restores; the others get some batches done first, so that each row of kills ends. */
function killMoment(next: () => number): KillMoment {
  return next() < 0.125 ? { events: 0, ms: next() * 400 } : { events: 1 + Math.floor(next() * 20), ms: next() * 20 };
}

describe('the main job under kill -9', function () {
  this.timeout(120_000 + KILLS * 4000);
  let folder = '';
  let expected = new Map<string, number>();
  let expectedState = new Map<string, number>();

  const argsFor = (name: string): string[] => [
    ...[
      'jobs/click-view-counts.ts',
      '--once',
      '--interval',
      '10ms',
      '--workers',
      '2',
      '--checkpoint',
      join(folder, name, 'checkpoint'),
    ],
    ...['--option', 'maxBatchBytes=8k', '--option', 'checkpointInterval=50ms'],
    ...['--arg', `input=${join(folder, 'input')}`, '--arg', `output=${join(folder, name, 'out.csv')}`],
  ];

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'sluice-kill-'));
    await writeClicks({
      dir: join(folder, 'input'),
      events: 40_000,
      users: 3000,
      files: 8,
      seed: SEED,
      startMs: 1_700_000_000_000,
    });
    const clean = await runAndKill(argsFor('clean'), undefined);
    expect(clean, clean.stderr).to.include({ exitCode: 0 });
    expected = lineCounts(join(folder, 'clean', 'out.csv'));
    expectedState = countsOf(await stateRows(join(folder, 'clean', 'checkpoint')));
  });

  after(() => rmSync(folder, { recursive: true, force: true }));

  it(`leaves the same output and state after at least ${KILLS} kills`, async () => {
    const next = random(SEED);
    let kills = 0;
    let runs = 0;
    for (let name = 0; kills < KILLS; name++) {
      for (let ended = false; !ended;) {
        expect(++runs, 'runs').to.be.lessThan(MAX_RUNS);
        const run = await runAndKill(argsFor(`killed-${name}`), killMoment(next));
        if (!run.killed) expect(run.exitCode, `run ${runs} (seed ${SEED}): ${run.stderr}`).to.equal(0);
        else kills++;
        ended = !run.killed;
      }
      const left = join(folder, `killed-${name}`);
      expect(difference(lineCounts(join(left, 'out.csv')), expected), `seed ${SEED}, ${kills} kills`).to.equal('');
      expect(
        difference(countsOf(await stateRows(join(left, 'checkpoint'))), expectedState),
        `state, seed ${SEED}`,
      ).to.equal('');
    }
  });

  it('its oracle sees a line too many, a line lost, and a line changed', () => {
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
