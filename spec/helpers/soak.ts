/**
 * A job at full rate for minutes, with a fault every second: what it holds of memory, descriptors and files must stay what
 * it was. Workers exit, throw and stall, input comes in bursts, a sink is slow; in the first quarter the driver is killed
 * too. Measured from outside, once a second, in the rest.
 */
import { expect } from 'chai';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { HttpSenders } from './kill-senders.js';
import { MatrixRun } from './matrix-run.js';
import { pick, randomOf, type Random } from './random-values.js';

export interface SoakOptions {
  readonly seconds: number;
  readonly seed: number;
  /** Of the line through the memory, after the first third; undefined where the run is too short to tell. */
  readonly maxMbPerMinute: number | undefined;
}

interface Sample {
  readonly seconds: number;
  readonly rssMb: number;
  readonly fds: number;
  readonly checkpointFiles: number;
}

const PAGE_BYTES = 4096;
const LINES = 5000;
const KEYS = 500;
/** Files that are left in the input folder: what was read of others is forgotten with them. */
const KEPT_FILES = 200;
/** More input is not written while so much waits: files must stay until their batches are done. */
const MAX_WAITING_BYTES = 2 * 1024 ** 2;
const FAULTS = ['exit', 'throw', 'spin', 'burst', 'none'] as const;
/** The collector is lazy while there is room: with little, what is garbage is seen to be within minutes. */
const NODE_FLAGS = ['--max-old-space-size=96'];
const OPTIONS = {
  backpressure: 'false',
  checkpointInterval: '500ms',
  maxBatchBytes: '1MiB',
  // A batch that is late may hold what was told in several seconds, and each attempt does the next of it.
  maxTaskFailures: '1000',
  slotMemory: '256MiB',
  workerHeap: '128MiB',
};
const EXIT_LIMIT_MS = 120_000;

/** Files that come as fast as they are read. */
class Input {
  readonly #dir: string;
  readonly #random: Random;
  #numFiles = 0;
  #id = 0;

  constructor(dir: string, random: Random) {
    this.#dir = dir;
    this.#random = random;
  }

  /** @param told a key that has a worker do something */
  write(numLines = LINES, told?: string): void {
    let text = 'id,key,n\n';
    if (told !== undefined) text += `${this.#id++},${told},1\n`;
    for (let i = 0; i < numLines; i++) text += `${this.#id++},key${Math.floor(KEYS * this.#random() ** 2)},${i}\n`;
    writeFileSync(this.#file(this.#numFiles++), text);
    rmSync(this.#file(this.#numFiles - KEPT_FILES), { force: true });
  }

  #file(number: number): string {
    return join(this.#dir, 'input', `in-${String(number).padStart(7, '0')}.csv`);
  }
}

function sampleOf(pid: number, dir: string, seconds: number): Sample {
  const pages = Number(readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ')[1]);
  return {
    seconds,
    rssMb: (pages * PAGE_BYTES) / 1024 ** 2,
    fds: readdirSync(`/proc/${pid}/fd`).length,
    checkpointFiles: readdirSync(join(dir, 'checkpoint'), { recursive: true }).length,
  };
}

/** Least squares. */
export function slopeOf(points: readonly (readonly [x: number, y: number])[]): number {
  const n = points.length;
  const meanX = points.reduce((sum, [x]) => sum + x, 0) / n;
  const meanY = points.reduce((sum, [, y]) => sum + y, 0) / n;
  const covariance = points.reduce((sum, [x, y]) => sum + (x - meanX) * (y - meanY), 0);
  return covariance / points.reduce((sum, [x]) => sum + (x - meanX) ** 2, 0);
}

export function soak({ seconds, seed, maxMbPerMinute }: SoakOptions): void {
  describe(`a job at full rate for ${seconds} s, with a fault every second`, function () {
    this.timeout((seconds * 2 + 400) * 1000);
    let dir = '';
    before(function () {
      if (!existsSync('/proc/self/statm')) this.skip();
      dir = mkdtempSync(join(tmpdir(), 'sluice-soak-'));
      for (const name of ['input', 'marks']) mkdirSync(join(dir, name));
    });
    after(() => dir !== '' && rmSync(dir, { recursive: true, force: true }));

    it('holds no more memory, descriptors and files in the end than it did', async () => {
      const random = randomOf(seed);
      const input = new Input(dir, random);
      const senders = new HttpSenders(2);
      const args = [
        ...['spec/helpers/soak-job.ts', '--interval', '50ms', '--workers', '2', '--arg', `dir=${dir}`],
        ...['--checkpoint', join(dir, 'checkpoint')],
        ...Object.entries(OPTIONS).flatMap(([name, value]) => ['--option', `${name}=${value}`]),
      ];
      let batches = 0;
      let run: MatrixRun;
      const start = (): MatrixRun =>
        new MatrixRun(
          args,
          senders,
          () => {
            batches++;
            if (run.waiting < MAX_WAITING_BYTES) input.write();
          },
          NODE_FLAGS,
        );
      const begin = performance.now();
      const elapsed = (): number => (performance.now() - begin) / 1000;
      input.write();
      run = start();
      let numFaults = 0;
      let numAborts = 0;
      for (; elapsed() < seconds / 4; numFaults++) {
        fault(input, random, numFaults);
        await sleep(1000);
        if (numFaults % 5 !== 4) continue;
        await run.killAfter(1, random() * 100, EXIT_LIMIT_MS);
        senders.moveTo(undefined);
        run = start();
      }
      await run.firstBatch(EXIT_LIMIT_MS);
      const samples: Sample[] = [];
      for (const from = elapsed(); elapsed() < from + seconds * 0.75; numFaults++) {
        fault(input, random, numFaults);
        await sleep(1000);
        if (run.isAborted) {
          // As a kill from outside: a new process begins, and what it holds is measured anew.
          numAborts++;
          samples.length = 0;
          senders.moveTo(undefined);
          run = start();
          await run.firstBatch(EXIT_LIMIT_MS);
        }
        run.checkRunning();
        samples.push(sampleOf(run.pid, dir, elapsed()));
      }
      await senders.end();
      expect(await run.stop(), run.stderr).to.equal(0);

      const late = samples.slice(Math.floor(samples.length / 3));
      const mbPerMinute = 60 * slopeOf(late.map(sample => [sample.seconds, sample.rssMb]));
      const [first, last] = [late[0], late.at(-1)];
      console.log(
        `      ${batches} batches, ${numFaults} faults, ${numAborts} ends of Node, ${senders.acknowledged.size} lines by HTTP; ` +
          `RSS ${first?.rssMb.toFixed(0)} to ` +
          `${last?.rssMb.toFixed(0)} MB, ${mbPerMinute.toFixed(2)} MB/min; descriptors ${first?.fds} to ${last?.fds}; ` +
          `files in the checkpoint ${first?.checkpointFiles} to ${last?.checkpointFiles}`,
      );
      expect(batches, 'batches').to.be.greaterThan(seconds / 10);
      if (maxMbPerMinute !== undefined) expect(mbPerMinute, 'MB/min').to.be.below(maxMbPerMinute);
      const half = Math.floor(late.length / 2);
      for (const field of ['fds', 'checkpointFiles'] as const) {
        const most = (part: readonly Sample[]): number => Math.max(...part.map(sample => sample[field]));
        expect(most(late.slice(half)), field).to.be.at.most(most(late.slice(0, half)) + 12);
        expect(most(late), field).to.be.below(150);
      }
    });
  });
}

function fault(input: Input, random: Random, number: number): void {
  const what = pick(random, FAULTS);
  if (what === 'burst') for (let i = 0; i < 10; i++) input.write();
  else if (what !== 'none') input.write(LINES, `${what}-${number}`);
}
