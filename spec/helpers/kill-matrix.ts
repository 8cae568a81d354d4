/**
 * `kill-job.ts` on real files, sockets and workers, killed with SIGKILL again and again: between two kills it must commit
 * something, but for bursts in which it is killed before it has done anything. In the end nothing may be there twice,
 * lost, or counted in another way than by a run that was never killed.
 */
import { expect } from 'chai';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { difference } from './kill-runs.js';
import { lastingOf, problemsOf } from './kill-oracle.js';
import { HttpSenders, LineServer } from './kill-senders.js';
import { MatrixRun } from './matrix-run.js';
import { intBelow, randomOf } from './random-values.js';

export interface KillMatrix {
  readonly events: number;
  /** At the least, those of bursts among them. */
  readonly kills: number;
  /** Kills in a row while it starts; after every fourth part of the kills. */
  readonly burst: number;
  readonly seed: number;
}

const KEYS = 200;
const FILES = 20;
const INTERVAL_MS = 25;
const BAD_EVERY = 997;
/** In which a run must commit a batch: it takes a second on a quiet machine. */
const PROGRESS_MS = 90_000;

/** Writes events of skewed keys, with bad lines between them. @returns the keys by id, and the bytes */
function writeEvents(dir: string, numEvents: number, seed: number): { keys: string[]; bytes: number } {
  const random = randomOf(seed);
  mkdirSync(join(dir, 'input'), { recursive: true });
  const keys: string[] = [];
  let bytes = 0;
  for (let file = 0; file < FILES; file++) {
    let text = 'id,key,n\n';
    while (keys.length < ((file + 1) * numEvents) / FILES) {
      const key = `key${Math.floor(KEYS * random() ** 3)}`;
      text += `${keys.length},${key},${intBelow(random, 1000)}\n`;
      keys.push(key);
      if (keys.length % BAD_EVERY === 0) text += `${keys.length},bad\n`;
    }
    writeFileSync(join(dir, 'input', `events-${String(file).padStart(3, '0')}.csv`), text);
    bytes += text.length;
  }
  const cities = Array.from({ length: KEYS }, (_, key) => `key${key},city${key % 7}\n`);
  writeFileSync(join(dir, 'cities.csv'), `key,city\n${cities.join('')}`);
  return { keys, bytes };
}

export function killMatrix({ events, kills, burst, seed }: KillMatrix): void {
  describe(`files, receivers, windows, state and joins under kill -9 (seed ${seed})`, function () {
    this.timeout(180_000 + kills * 30_000);
    let dir = '';
    let server: LineServer;
    before(async () => {
      dir = mkdtempSync(join(tmpdir(), 'sluice-matrix-'));
      server = new LineServer();
    });
    after(async () => {
      await server.close();
      rmSync(dir, { recursive: true, force: true });
    });

    it(`are what they are without, after at least ${kills} kills`, async () => {
      const { keys, bytes } = writeEvents(dir, events, seed);
      const socket = await server.listen();
      const random = randomOf(seed);
      // So that the input lasts for all kills, each of which lets some batches through.
      const smallBytes = Math.max(500, Math.ceil(bytes / (kills * 5)));
      const argsFor = (name: string, more: readonly string[]): string[] => [
        ...[
          'spec/helpers/kill-job.ts',
          '--interval',
          `${INTERVAL_MS}ms`,
          '--checkpoint',
          join(dir, name, 'checkpoint'),
        ],
        ...['--option', 'checkpointInterval=200ms', '--arg', `interval=${INTERVAL_MS}ms`],
        ...['--arg', `dir=${dir}`, '--arg', `out=${join(dir, name, 'out')}`, ...more],
      ];

      const clean = new MatrixRun(argsFor('clean', ['--once', '--workers', '2']), undefined, () => undefined);
      expect(await clean.exited, clean.stderr).to.equal(0);
      const expected = await lastingOf(join(dir, 'clean'));

      const senders = new HttpSenders(3);
      const start = (maxBatchBytes: number): MatrixRun => {
        const workers = 1 + intBelow(random, 3);
        const more = ['--workers', `${workers}`, '--option', `maxBatchBytes=${maxBatchBytes}`];
        return new MatrixRun(argsFor('killed', [...more, '--arg', `socket=${socket}`]), senders, () => server.send(5));
      };
      let lastMs = 0;
      let inBurst = 0;
      for (let killed = 0; killed < kills; killed++) {
        const run = start(smallBytes);
        if (inBurst > 0) {
          inBurst--;
          await run.killAfter(0, intBelow(random, 1500), PROGRESS_MS);
        } else {
          await run.killAfter(1 + intBelow(random, 3), intBelow(random, 30), PROGRESS_MS);
          expect(run.committed.length, `batches of run ${killed}: ${run.stderr}`).to.be.greaterThan(0);
          if (killed % Math.ceil(kills / 4) === Math.ceil(kills / 8)) inBurst = burst;
        }
        // What was told as committed is never run again.
        for (const time of run.committed) {
          expect(time, `a batch of run ${killed}`).to.be.greaterThan(lastMs);
          lastMs = time;
        }
        senders.moveTo(undefined);
      }
      const last = start(smallBytes * 16);
      await last.caughtUp(PROGRESS_MS * 4);
      await senders.end();
      expect(await last.stop(), last.stderr).to.equal(0);

      const input = { keys, windowMs: 3 * INTERVAL_MS, socketLines: server.lines, ...senders };
      expect(problemsOf(join(dir, 'killed', 'out'), input)).to.deep.equal([]);
      expect(difference(await lastingOf(join(dir, 'killed')), expected)).to.equal('');
      expect(senders.acknowledged.size, 'lines that were answered').to.be.greaterThan(kills);
    });
  });
}
