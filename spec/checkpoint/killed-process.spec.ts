import { expect } from 'chai';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { CheckpointStore, type CheckpointOptions } from '../../lib/checkpoint/checkpoint-store.js';
import { EngineError } from '../../lib/core/errors.js';
import { NodeFileSystem } from '../../lib/core/node-file-system.js';
import { checkRecovered, COUNTS, SESSIONS } from './scripted-run.js';

const DRIVER = fileURLToPath(new URL('./driver-process.ts', import.meta.url));
const OPTIONS: CheckpointOptions = {
  job: 'clicks',
  fingerprint: 'f1',
  operators: [COUNTS, SESSIONS],
  numKeyGroups: 128,
};

describe('a driver process that is killed', () => {
  const directory = mkdtempSync(join(tmpdir(), 'sluice-killed-'));
  const fs = new NodeFileSystem();
  let child: ChildProcess | undefined;

  after(() => {
    child?.kill('SIGKILL');
    rmSync(directory, { recursive: true });
  });

  /** Runs until it has reported `numBatches`; returns a function that kills it and tells the last one it reported. */
  async function driver(numBatches: number): Promise<() => Promise<number>> {
    const started = spawn(process.execPath, ['--import', 'tsx', DRIVER, directory], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    child = started;
    const lines = createInterface({ input: started.stdout });
    let last = 0;
    let seen = 0;
    await new Promise<void>((resolve, reject) => {
      lines.on('line', line => {
        last = Number(line);
        if (++seen === numBatches) resolve();
      });
      started.once('exit', () => reject(new Error('the driver process ended by itself')));
    });
    return async () => {
      const closed = once(lines, 'close');
      started.kill('SIGKILL');
      await closed;
      return last;
    };
  }

  it('holds its checkpoint until then, and leaves all that it reported', async () => {
    const kill = await driver(25);
    const refusal: unknown = await CheckpointStore.open(fs, directory, OPTIONS).catch((thrown: unknown) => thrown);
    expect(refusal).to.be.instanceOf(EngineError).with.property('code', 'checkpointLocked');
    expect(refusal).to.have.property('message').that.includes(`process ${child?.pid} on `);

    const last = await kill();
    const { store, recovered } = await CheckpointStore.open(fs, directory, OPTIONS);
    const asked = last + 1000;
    await checkRecovered(fs, recovered, {
      planned: last,
      committed: last,
      askedToPlan: asked,
      askedToCommit: asked,
    });
    await store.close();
  });
});
