import { expect } from 'chai';
import type { Json } from '../../lib/core/json.js';
import { batchTime } from '../../lib/core/time.js';
import { makeSinkDriver, makeSinkWriter, type FileSinkSpec } from '../../lib/sinks/sink-spec.js';
import type { StagedOutput } from '../../lib/sinks/sink.js';
import { stage } from '../contracts/sink.js';
import { newMemory } from '../contracts/source.js';
import { ModelFileSystem, type Crash } from '../helpers/model-file-system.js';
import { randomOf } from '../helpers/random-values.js';

const NUM_BATCHES = 6;
const memory = newMemory();

/** A run of several batches over a file system that goes down; the log is a list that survives. */
class Run {
  readonly fs = new ModelFileSystem();
  readonly #spec: FileSinkSpec;
  readonly #batches: readonly StagedOutput[];
  #committed = 0;
  #handle: Json | undefined;

  constructor(path: string) {
    this.#spec = { format: 'csv', path, header: null, delimiter: ',', escapeFormulas: false };
    this.#batches = Array.from({ length: NUM_BATCHES }, (_, t) =>
      stage(
        makeSinkWriter(this.#spec, memory),
        memory,
        t === 2
          ? []
          : [
              { t, n: 'x'.repeat(40) },
              { t, n: '' },
            ],
      ),
    );
  }

  /** Goes on from the log to the end, or until the file system is down. */
  async go(): Promise<void> {
    const driver = makeSinkDriver(this.#spec, this.fs, { rollBytes: 120, rollMs: 1e9 });
    await driver.open(this.#handle);
    while (this.#committed < NUM_BATCHES) {
      const handle = await driver.commit(batchTime(this.#committed * 1000), [this.#batches[this.#committed]]);
      if (this.fs.isDown) return;
      this.#handle = JSON.parse(JSON.stringify(handle)) as Json;
      this.#committed++;
    }
    await driver.close();
  }

  get files(): Record<string, string> {
    return Object.fromEntries(this.fs.paths().map(path => [path, Buffer.from(this.fs.bytesOf(path)).toString()]));
  }
}

const ignoreIfDown = (run: Run) => (error: unknown) => {
  if (!run.fs.isDown) throw error;
};

describe('FileSink, crashes', () => {
  for (const path of ['/out/one.csv', '/out/parts']) {
    it(`leaves the files of a run that never failed, wherever it dies: ${path}`, async () => {
      const clean = new Run(path);
      await clean.go();
      const numOperations = clean.fs.numOperations;
      expect(Object.keys(clean.files).length).to.equal(path.endsWith('parts') ? 2 : 1);
      for (let operation = 0; operation < numOperations; operation++) {
        for (const seed of [0, 1, 2, 3]) {
          const crash: Crash =
            seed === 0 ? { kind: 'kill' } : { kind: 'power', random: randomOf(seed * 1000 + operation) };
          const run = new Run(path);
          run.fs.downAt(operation);
          await run.go().catch(ignoreIfDown(run));
          run.fs.crash(crash);
          // A second time soon after, as the restart is on its way.
          run.fs.downAt(run.fs.numOperations + (operation % 7));
          await run.go().catch(ignoreIfDown(run));
          run.fs.crash(crash);
          await run.go();
          expect(run.files, `down at operation ${operation}, seed ${seed}`).to.deep.equal(clean.files);
        }
      }
    });
  }
});
