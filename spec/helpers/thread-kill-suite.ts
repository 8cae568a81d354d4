/**
 * The main job on real worker threads that are ended at random moments, one or all at once, also while they start or
 * restore: what it leaves must be what a run leaves whose threads all lived.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { writeClicks } from '../../jobs/generate-clicks.js';
import { VirtualClock } from '../../lib/core/clock.js';
import { NodeFileSystem } from '../../lib/core/node-file-system.js';
import type { Job } from '../../lib/api/job.js';
import { loadJobModule } from '../../lib/driver/job-module.js';
import type { PiscinaRunner } from '../../lib/driver/piscina-runner.js';
import type { TaskRunner } from '../../lib/protocol/task-runner.js';
import { countsOf, difference, lineCounts } from './kill-runs.js';
import { randomOf } from './random-values.js';
import { runEngine, turn } from './run-engine.js';
import { stateRows } from './state-rows.js';

const root = join(import.meta.dirname, '..', '..');

/** @param kills threads ended at the least; runs go on until there were so many */
export function threadKillSuite({ kills, seed }: { readonly kills: number; readonly seed: number }): void {
  describe(`the main job while its threads are killed (seed ${seed})`, function () {
    this.timeout(120_000 + kills * 4000);
    let folder = '';
    let module = '';
    let job: Job;
    let expected = new Map<string, number>();
    let expectedState = new Map<string, number>();

    before(async () => {
      folder = mkdtempSync(join(tmpdir(), 'sluice-threads-'));
      const clicks = { events: 2000, users: 300, files: 4, seed, startMs: 1_700_000_000_000 };
      await writeClicks({ dir: join(folder, 'input'), ...clicks });
      // The driver is that of the sources, and so are its job's classes; threads start quicker on what is built.
      const path = join(root, 'jobs', 'click-view-counts.ts');
      const load = (...entry: string[]): ReturnType<typeof loadJobModule> =>
        loadJobModule(path, { sluiceEntry: join(root, ...entry), cacheFolder: join(folder, 'cache') });
      job = (await load('lib', 'index.ts')).exports['default'] as Job;
      ({ module } = await load('dist', 'index.js'));
      await run('clean', 2, () => undefined);
      expected = lineCounts(join(folder, 'clean', 'out.csv'));
      expectedState = countsOf(await stateRows(join(folder, 'clean', 'checkpoint')));
      expect(expectedState.size).to.be.greaterThan(100);
    });

    after(() => rmSync(folder, { recursive: true, force: true }));

    /** @param onRequest called with each request, just after it was sent to its slot */
    async function run(
      name: string,
      workers: number,
      onRequest: (runner: PiscinaRunner, slot: number) => void,
    ): Promise<void> {
      let threads: PiscinaRunner | undefined;
      const wrapRunner = (runner: TaskRunner): TaskRunner => ({
        numSlots: runner.numSlots,
        memories: runner.memories,
        submit: (slot, request, timeoutMs) => {
          const reply = runner.submit(slot, request, timeoutMs);
          if (threads !== undefined) onRequest(threads, slot);
          return reply;
        },
        stop: () => runner.stop(),
      });
      const { engine } = await runEngine(job, {
        clock: new VirtualClock(1_000_000),
        fs: new NodeFileSystem(),
        args: { input: join(folder, 'input'), output: join(folder, name, 'out.csv') },
        checkpoint: join(folder, name, 'checkpoint'),
        once: true,
        wrapRunner,
        threads: {
          module,
          workerFile: join(root, 'dist', 'executor', 'worker.js'),
          execArgv: [],
          numSpares: 1,
          onRunner: runner => (threads = runner),
        },
        options: { workers, maxBatchBytes: 4096, smallBatchRecords: 30, checkpointInterval: 1, maxTaskFailures: 1000 },
      });
      await engine.done;
    }

    it(`leaves the same output and state after at least ${kills} threads were ended`, async () => {
      const random = randomOf(seed);
      let killed = 0;
      for (let i = 0; killed < kills; i++) {
        const name = `killed-${i}`;
        const before = killed;
        await run(name, 1 + Math.floor(random() * 3), (runner, slot) => {
          if (random() > 0.06) return;
          const slots = random() < 0.2 ? Array.from({ length: runner.numSlots }, (_, other) => other) : [slot];
          const turns = Math.floor(random() * 12);
          killed += slots.length;
          void (async () => {
            for (let waited = 0; waited < turns; waited++) await turn();
            await Promise.all(slots.map(victim => runner.terminateSlot(victim)));
          })();
        });
        expect(killed, `threads ended in run ${i}`).to.be.greaterThan(before);
        const left = join(folder, name);
        expect(difference(lineCounts(join(left, 'out.csv')), expected), `output of ${name}`).to.equal('');
        const state = countsOf(await stateRows(join(left, 'checkpoint')));
        expect(difference(state, expectedState), `state of ${name}`).to.equal('');
      }
    });
  });
}
