import { expect } from 'chai';
import type { Json } from '../../lib/core/json.js';
import { batchTime } from '../../lib/core/time.js';
import { loadArrow } from '../../lib/columnar/arrow.js';
import { int64, schema, utf8 } from '../../lib/core/schema.js';
import { makeSinkDriver, makeSinkWriter, type OutputFilesSpec } from '../../lib/sinks/sink-spec.js';
import type { StagedOutput } from '../../lib/sinks/sink.js';
import { stage } from '../contracts/sink.js';
import { newMemory } from '../contracts/source.js';
import { ModelFileSystem, type Crash } from '../helpers/model-file-system.js';
import { randomOf } from '../helpers/random-values.js';

const NUM_BATCHES = 6;
const memory = newMemory();

interface Output {
  readonly spec: OutputFilesSpec;
  readonly rollBytes: number;
  /** How many files a run that never fails leaves. */
  readonly numFiles: number;
}

const csv = (path: string): OutputFilesSpec => ({
  format: 'csv',
  path,
  header: null,
  delimiter: ',',
  escapeFormulas: false,
});
const { columns } = schema({ t: int64(), n: utf8() });

const OUTPUTS: readonly Output[] = [
  { spec: csv('/out/one.csv'), rollBytes: 120, numFiles: 1 },
  { spec: csv('/out/parts'), rollBytes: 120, numFiles: 2 },
  { spec: { format: 'arrow', path: '/out/parts', columns }, rollBytes: 900, numFiles: 2 },
  { spec: { format: 'arrow', path: '/out/one.arrows', columns }, rollBytes: 900, numFiles: 1 },
  // Six folders with _SUCCESS, of which five have a part.
  { spec: { format: 'textFolders', path: '/out/lines', suffix: 'txt' }, rollBytes: 0, numFiles: 11 },
];

/** A run of several batches over a file system that goes down; the log is a list that survives. */
class Run {
  readonly fs = new ModelFileSystem();
  readonly #spec: OutputFilesSpec;
  readonly #rollBytes: number;
  readonly #batches: readonly StagedOutput[];
  #committed = 0;
  #handle: Json | undefined;

  constructor({ spec, rollBytes }: Output) {
    this.#spec = spec;
    this.#rollBytes = rollBytes;
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
    const driver = makeSinkDriver(this.#spec, this.fs, { rollBytes: this.#rollBytes, rollMs: 1e9 });
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
    return Object.fromEntries(
      this.fs.paths().map(path => [path, Buffer.from(this.fs.bytesOf(path)).toString('latin1')]),
    );
  }
}

const ignoreIfDown = (run: Run) => (error: unknown) => {
  if (!run.fs.isDown) throw error;
};

describe('FileSink, crashes', () => {
  before(loadArrow);

  for (const output of OUTPUTS) {
    it(`leaves the files of a run that never failed, wherever it dies: ${output.spec.format} ${output.spec.path}`, async () => {
      const clean = new Run(output);
      await clean.go();
      const numOperations = clean.fs.numOperations;
      expect(Object.keys(clean.files).length).to.equal(output.numFiles);
      for (let operation = 0; operation < numOperations; operation++) {
        for (const seed of [0, 1, 2, 3]) {
          const crash: Crash =
            seed === 0 ? { kind: 'kill' } : { kind: 'power', random: randomOf(seed * 1000 + operation) };
          const run = new Run(output);
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

  it('never leaves a _SUCCESS beside parts that are not whole', async () => {
    const output = OUTPUTS.find(({ spec }) => spec.format === 'textFolders') as Output;
    const clean = new Run(output);
    await clean.go();
    let numWhole = 0;
    for (let operation = 0; operation < clean.fs.numOperations; operation++) {
      for (const seed of [0, 1, 2, 3]) {
        const run = new Run(output);
        run.fs.downAt(operation);
        await run.go().catch(ignoreIfDown(run));
        run.fs.crash(seed === 0 ? { kind: 'kill' } : { kind: 'power', random: randomOf(seed * 1000 + operation) });
        for (const path of run.fs.paths().filter(name => name.endsWith('_SUCCESS'))) {
          const part = path.replace('_SUCCESS', 'part-00000');
          expect(run.files[part], `${part}, down at operation ${operation}, seed ${seed}`).to.equal(clean.files[part]);
          numWhole++;
        }
      }
    }
    expect(numWhole).to.be.above(100);
  });
});
