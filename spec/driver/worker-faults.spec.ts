/**
 * What functions of a job may do to their worker thread, on real threads: each costs a retry and is told with the line of
 * the job file where that can be known; and one that does it whenever it sees a record is found out by that record.
 */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { VirtualClock } from '../../lib/core/clock.js';
import { NodeFileSystem } from '../../lib/core/node-file-system.js';
import type { DeclaredOptions } from '../../lib/core/options.js';
import type { Job } from '../../lib/api/job.js';
import { loadJobModule } from '../../lib/driver/job-module.js';
import { runEngine, type TestRun } from '../helpers/run-engine.js';
import { tempFolder } from '../helpers/temp-folder.js';

/** By the word that does it: statements, and how they are told; `LINE` stands for their line in the job file. */
const FAULTS: { readonly [word: string]: readonly [statements: string, told: string] } = {
  throws: ["throw new TypeError('no field');", 'TypeError: no field'],
  thrown: ['throw { code: 7 };', 'threw \\{ code: 7 \\}'],
  recurs: ['const down = (n: number): number => down(n + 1) + 1; down(0);', 'RangeError: Maximum call stack size'],
  exitss: ['process.exit(3);', 'exited with code 3: process.exit was called at LINE'],
  aborts: ['process.abort();', 'process.abort\\(\\) is not supported in workers'],
  reject: ["void Promise.reject(new RangeError('nobody'));", 'uncaught: RangeError: nobody at LINE'],
  latere: ["setImmediate(() => { throw new RangeError('later'); });", 'uncaught: RangeError: later at LINE'],
  memory: [
    'const all: number[][] = []; for (;;) all.push(Array.from({ length: 20_000 }, (_, i) => i + 0.5));',
    'its JavaScript heap reached the limit of 64 MB',
  ],
  endles: ['for (;;) Math.random();', 'no answer within 1000 ms'],
};

const root = join(import.meta.dirname, '..', '..');

describe('faults of a job on worker threads', function () {
  this.timeout(120_000);
  const temp = tempFolder();
  let job: Job;
  let module = '';
  let file = '';

  before(async () => {
    file = temp.file(
      'faulty.ts',
      [
        "import { appendFileSync, existsSync, readFileSync } from 'node:fs';",
        "import { arg, job, text } from 'sluice';",
        'const args = { folder: arg.path("out", "where all is"), mode: arg.string("once", "once or always") };',
        "export default job('faulty', { args }, (ssc, { folder, mode }) => {",
        '  const done = `${folder}/done`;',
        "  ssc.fileStream(`${folder}/in`, text(), { id: 'words' }).map(word => {",
        "    if (mode === 'once') {",
        "      if (existsSync(done) && readFileSync(done, 'utf8').includes(word)) return [word, 1] as [unknown, number];",
        '      appendFileSync(done, `${word} `);',
        '    }',
        ...Object.entries(FAULTS).map(([word, [statements]]) => `    if (word === '${word}') { ${statements} }`),
        "    return [word === 'functi' ? () => 1 : word, 1] as [unknown, number];",
        '  }).reduceByKey((a, b) => a + b).saveAsJson(`${folder}/out.ndjson`);',
        '});',
      ].join('\n'),
    );
    const loaded = await loadJobModule(file, {
      sluiceEntry: join(root, 'dist', 'index.js'),
      cacheFolder: join(temp.path, 'cache'),
    });
    module = loaded.module;
    job = loaded.exports['default'] as Job;
  });

  /** Each word is a batch, but for those under `options`. */
  async function drain(
    name: string,
    mode: string,
    words: readonly string[],
    options: DeclaredOptions,
  ): Promise<TestRun> {
    const folder = folderOf(name);
    mkdirSync(join(folder, 'in'), { recursive: true });
    writeFileSync(join(folder, 'in', 'a.txt'), words.map(word => `${word}\n`).join(''));
    const run = await runEngine(job, {
      clock: new VirtualClock(1_000_000),
      fs: new NodeFileSystem(),
      args: { folder, mode },
      checkpoint: join(folder, 'checkpoint'),
      deadLetters: join(folder, 'deadletter'),
      once: true,
      threads: { module, workerFile: join(root, 'dist', 'executor', 'worker.js'), heapMb: 64, execArgv: [] },
      options: { workers: 1, maxBatchBytes: 7, ...options },
    });
    await run.engine.done;
    return run;
  }

  const folderOf = (name: string): string => join(temp.path, name);

  const wordsOut = (name: string): string[] =>
    readFileSync(join(folderOf(name), 'out.ndjson'), 'utf8')
      .trimEnd()
      .split('\n')
      .map(line => (JSON.parse(line) as [string, number]).join(' '));

  function telling(word: string): RegExp {
    const text = readFileSync(file, 'utf8').split('\n');
    const line = `${file}:${text.findIndex(code => code.includes(`'${word}'`)) + 1}:`;
    return new RegExp((FAULTS[word]?.[1] ?? word).replace('LINE', line.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&')));
  }

  const toldIn = ({ events }: TestRun): string[] =>
    events.flatMap(event =>
      event.kind === 'taskRetried' ? [event.reason] : event.kind === 'warning' ? [event.message] : [],
    );

  it('costs a retry, whatever it is, and is told', async () => {
    const words = Object.keys(FAULTS).filter(word => word !== 'endles');
    // What comes after each: a thread may be lost a moment after it has answered.
    const all = words.flatMap(word => [word, `${word.slice(0, 5)}-`]);
    const run = await drain('once', 'once', all, {});
    expect(wordsOut('once')).to.deep.equal(all.map(word => `${word} 1`));
    expect(run.batches.length).to.equal(all.length);
    const told = toldIn(run);
    for (const word of words)
      expect(
        told.filter(text => telling(word).test(text)),
        word,
      ).to.not.have.length(0);
  });

  it('costs a retry when it never ends, after the time of a task', async () => {
    const run = await drain('endless', 'once', ['before', 'endles', 'behind'], {
      taskTimeout: 1000,
      maxTaskFailures: 20,
    });
    expect(wordsOut('endless')).to.deep.equal(['before 1', 'endles 1', 'behind 1']);
    expect(toldIn(run).join('\n')).to.match(telling('endles'));
  });

  it('is put aside with its record under onPoison: deadletter, when it comes with each attempt', async () => {
    const words = ['before', 'exitss', 'throws', 'functi', 'behind'];
    const run = await drain('always', 'always', words, {
      maxBatchBytes: 1000,
      maxTaskFailures: 2,
      onPoison: 'deadletter',
    });
    expect(wordsOut('always')).to.deep.equal(['before 1', 'behind 1']);
    expect(run.batches.length).to.equal(1);
    const [name = ''] = readdirSync(join(folderOf('always'), 'deadletter'));
    const letters = readFileSync(join(folderOf('always'), 'deadletter', name), 'utf8')
      .trimEnd()
      .split('\n')
      .map(line => JSON.parse(line) as { readonly text: string; readonly reason: string; readonly line: number });
    expect(letters.map(({ text, line }) => `${text} ${line}`)).to.deep.equal(['exitss 2', 'throws 3', 'functi 4']);
    const [exits, throwing, noData] = letters.map(({ reason }) => reason);
    expect(exits).to.match(telling('exitss'));
    expect(throwing).to.match(telling('throws'));
    expect(noData).to.match(/function/);
  });
});
