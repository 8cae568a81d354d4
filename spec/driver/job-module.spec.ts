import { expect } from 'chai';
import { spawnSync } from 'node:child_process';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { EngineError } from '../../lib/core/errors.js';
import type { JobModule } from '../../lib/driver/job-module.js';
import { loadJobModule } from '../../lib/driver/job-module.js';
import { PiscinaRunner } from '../../lib/driver/piscina-runner.js';
import { buildFixtureWorker, command, makeInit } from '../helpers/runner-fixture.js';

const ERRORS = new URL('../../lib/core/errors.ts', import.meta.url).href;

describe('loadJobModule', () => {
  let root: string;
  let sluiceEntry: string;
  let cacheFolder: string;

  beforeEach(() => {
    root = realpathSync(mkdtempSync(join(tmpdir(), 'sluice-jobs-')));
    cacheFolder = join(root, 'cache');
    sluiceEntry = put('installed/sluice/index.mjs', 'export const marker = {};\n');
  });
  afterEach(() => rmSync(root, { recursive: true }));

  /** Writes a file that was there for a while. */
  function put(name: string, text: string): string {
    const path = join(root, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
    utimesSync(path, 1, 1);
    return path;
  }

  const load = (name: string): Promise<JobModule> => loadJobModule(join(root, name), { sluiceEntry, cacheFolder });
  const defaultOf = async (name: string): Promise<unknown> => (await load(name)).exports['default'];

  async function refused(name: string): Promise<EngineError> {
    try {
      await load(name);
    } catch (error) {
      return error as EngineError;
    }
    throw new Error(`${name} was loaded`);
  }

  it('compiles TypeScript, with the files it imports', async () => {
    put(
      'job.ts',
      "import { twice } from './lib/twice.js';\nexport const n: number = twice(4);\nexport default n as number;\n",
    );
    put('lib/twice.ts', 'export const twice = (x: number): number => x * 2;\n');
    const { module, exports } = await load('job.ts');
    expect(exports).to.include({ default: 8, n: 8 });
    expect(dirname(module)).to.equal(cacheFolder);
    expect(module).to.match(/job-[0-9a-f]{12}\.mjs$/);
  });

  for (const [extension, text] of [
    ['mts', 'const x: number = 1; export default x;'],
    ['js', 'export default 1;'],
    ['mjs', 'export default 1;'],
    ['cjs', 'module.exports = 1;'],
    ['cts', 'const x: number = 1; module.exports = x;'],
    ['js', 'module.exports = 1;'],
  ]) {
    it(`loads .${extension}: ${text}`, async () => {
      put(`job.${extension}`, text);
      expect(await defaultOf(`job.${extension}`)).to.equal(1);
    });
  }

  it('gives the job the very sluice that the driver runs', async () => {
    put('job.ts', "import { marker } from 'sluice';\nexport default marker;\n");
    put('node_modules/sluice/index.js', 'export const marker = "another copy";\n');
    const entry = (await import(pathToFileURL(sluiceEntry).href)) as { readonly marker: object };
    expect(await defaultOf('job.ts')).to.equal(entry.marker);
  });

  it('resolves packages and builtins from where the job lies', async () => {
    put('node_modules/greet/package.json', '{ "exports": { "import": "./hi.mjs", "require": "./hi.cjs" } }');
    put('node_modules/greet/hi.mjs', 'export const hi = "import";\n');
    put('node_modules/greet/hi.cjs', 'exports.hi = "require";\n');
    put('jobs/job.ts', "import { hi } from 'greet';\nimport { sep } from 'path';\nexport default hi + sep;\n");
    put('jobs/old.cjs', "module.exports = require('greet').hi + require('node:path').sep;\n");
    expect(await defaultOf('jobs/job.ts')).to.match(/^import[\\/]/);
    expect(await defaultOf('jobs/old.cjs')).to.match(/^require[\\/]/);
  });

  it('says of each file where its source is', async () => {
    put(
      'job.ts',
      "#!/usr/bin/env sluice\nimport { other } from './sub/other.js';\nexport default [import.meta.url, import.meta.dirname, other];\n",
    );
    put('sub/other.ts', 'export const other = [import.meta.filename, new URL("data", import.meta.url).pathname];\n');
    const here = pathToFileURL(root).pathname;
    expect(await defaultOf('job.ts')).to.deep.equal([
      pathToFileURL(join(root, 'job.ts')).href,
      root,
      [join(root, 'sub/other.ts'), `${here}/sub/data`],
    ]);
  });

  it('leaves a job its own require and __filename', async () => {
    put(
      'job.ts',
      "import { createRequire } from 'node:module';\nconst require = createRequire(import.meta.url);\n" +
        "const __filename = 'mine';\nexport default [require('./data.json').n, __filename];\n",
    );
    put('data.json', '{ "n": 5 }');
    expect(await defaultOf('job.ts')).to.deep.equal([5, 'mine']);
  });

  it('follows the paths of the nearest tsconfig', async () => {
    put('tsconfig.json', '{ "compilerOptions": { "paths": { "@lib/*": ["./lib/*"] } } }');
    put('lib/a.ts', 'export const a = 3;\n');
    put('job.ts', "import { a } from '@lib/a';\nexport default a;\n");
    expect(await defaultOf('job.ts')).to.equal(3);
  });

  it('compiles once, and again when a file it was made of changes', async () => {
    put('job.ts', "import { v } from './v.js';\nexport default v;\n");
    put('v.ts', 'export const v = 1;\n');
    const first = await load('job.ts');
    const files = readdirSync(cacheFolder);
    expect((await load('job.ts')).module).to.equal(first.module);
    expect(readdirSync(cacheFolder)).to.deep.equal(files);
    put('v.ts', 'export const v = 2;\n');
    const second = await load('job.ts');
    expect(second.exports['default']).to.equal(2);
    expect(second.module).not.to.equal(first.module);
    expect(readdirSync(cacheFolder)).to.include(first.module.slice(cacheFolder.length + 1));
  });

  it('does not trust what it compiled of a file that may have been saved meanwhile', async () => {
    const inAnHour = Date.now() / 1000 + 3600;
    utimesSync(put('job.ts', 'export default 1;\n'), inAnHour, inAnHour);
    await load('job.ts');
    expect(readdirSync(cacheFolder)).to.have.length(1);
    put('job.ts', 'export default 1;\n');
    await load('job.ts');
    expect(readdirSync(cacheFolder)).to.have.length(2);
  });

  it('loads several jobs at once', async () => {
    const names = ['a', 'b', 'c'].map(name => dirname(put(`${name}/job.ts`, `export default '${name}';\n`)));
    const loaded = names.map(folder => loadJobModule(join(folder, 'job.ts'), { sluiceEntry, cacheFolder }));
    expect((await Promise.all(loaded)).map(job => job.exports['default'])).to.deep.equal(['a', 'b', 'c']);
  });

  it('compiles again when a tsconfig appears that changes the result', async () => {
    put('job.ts', 'export default 1;\n');
    await load('job.ts');
    put('tsconfig.json', '{ broken');
    expect((await refused('job.ts')).code).to.equal('jobInvalid');
  });

  it('compiles again when the cache is damaged', async () => {
    put('job.ts', 'export default 1;\n');
    await load('job.ts');
    const manifest = readdirSync(cacheFolder).find(name => name.endsWith('.json')) ?? '';
    for (const text of ['', 'null', '{}', '{"module":"../../evil.mjs","inputs":{}}']) {
      writeFileSync(join(cacheFolder, manifest), text);
      expect(await defaultOf('job.ts'), text).to.equal(1);
    }
  });

  // Nothing in the cache is synced: after a loss of power its manifest named a module of zeros, which was no job.
  it('compiles again when the compiled module is not what it was', async () => {
    put('job.ts', 'export default 1;\n');
    const { module } = await load('job.ts');
    const text = readFileSync(module, 'utf8');
    for (const damaged of ['', '\0'.repeat(text.length), text.slice(0, -2)]) {
      writeFileSync(module, damaged);
      await load('job.ts');
      expect(readFileSync(module, 'utf8')).to.equal(text);
    }
  });

  it('keeps compiled jobs in the nearest node_modules when no folder is given', async () => {
    mkdirSync(join(root, 'node_modules'));
    put('jobs/job.ts', 'export default 1;\n');
    const { module } = await loadJobModule(join(root, 'jobs/job.ts'), { sluiceEntry });
    expect(dirname(module)).to.equal(join(root, 'node_modules/.cache/sluice'));
  });

  it("names the folder's closest file when the job is missing", async () => {
    put('wordcount.ts', '');
    const error = await refused('word-count.ts');
    expect(error).to.include({ code: 'jobNotFound', exitCode: 2 });
    expect(error.message).to.match(/word-count\.ts does not exist in .*; did you mean 'wordcount\.ts'\?$/);
    expect((await refused('zzz.ts')).message).to.match(/; there: wordcount\.ts$/);
    expect((await refused('no/zzz.ts')).message).to.match(/there is no folder .*no$/);
    expect((await refused('.')).message).to.match(/is a folder of wordcount\.ts$/);
    put('job.py', '');
    expect((await refused('job.py')).message).to.match(/wants a file ending in \.ts, .*, got .*job\.py$/);
  });

  it('shows file, line, column and source of a syntax error', async () => {
    put('job.ts', 'const a = 1;\nconst b = = 2;\n');
    const error = await refused('job.ts');
    const file = join(root, 'job.ts');
    expect(error).to.include({ code: 'jobInvalid' });
    expect(error.message).to.equal(
      `job ${file} does not compile:\n${file}:2:11: Unexpected "="\n  2 | const b = = 2;\n    |           ^`,
    );
    expect(error.detail).to.deep.equal({ file, line: 2, column: 11 });
  });

  it('says how to get a package that is missing', async () => {
    put('job.ts', "import x from '@acme/missing/sub';\nexport default x;\n");
    const error = await refused('job.ts');
    expect(error.message).to.match(
      /job\.ts:1:15: Could not resolve "@acme\/missing\/sub": run 'npm install @acme\/missing'/,
    );
  });

  it('names what sluice does not export', async () => {
    put('job.ts', "import { nope } from 'sluice';\nexport default nope;\n");
    expect((await refused('job.ts')).message).to.match(/imports 'nope' from sluice, which has no such export$/);
  });

  it('names the line of a job that throws while it is loaded', async () => {
    put('job.ts', "interface A {}\n\nthrow new TypeError('no luck');\n");
    const error = await refused('job.ts');
    expect(error.message).to.match(/job\.ts threw while it was loaded: TypeError: no luck \(.*job\.ts:3:7\)$/);
    expect(error.detail).to.deep.equal({ file: join(root, 'job.ts'), line: 3, column: 7 });
  });

  it('keeps the code of an engine error the job runs into, and adds the place', async () => {
    sluiceEntry = put('engine/index.mjs', `export * from ${JSON.stringify(ERRORS)};\n`);
    put(
      'job.ts',
      "import { EngineError } from 'sluice';\n\nthrow new EngineError('optionInvalid', 'bad', { detail: { n: 1 } });\n",
    );
    const error = await refused('job.ts');
    const file = join(root, 'job.ts');
    expect(error).to.include({ code: 'optionInvalid', message: `bad (${file}:3:7)` });
    expect(error.detail).to.deep.equal({ file, line: 3, column: 7, n: 1 });
  });

  it('leaves no process behind that keeps this one alive', () => {
    put('job.ts', 'export default 1;\n');
    const entry = pathToFileURL(join(process.cwd(), 'lib/driver/job-module.ts')).href;
    const script =
      `import { loadJobModule } from ${JSON.stringify(entry)};\n` +
      `const { exports } = await loadJobModule(${JSON.stringify(join(root, 'job.ts'))}, ${JSON.stringify({ sluiceEntry, cacheFolder })});\n` +
      'console.log(exports.default);\n';
    const { stdout, status } = spawnSync(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', script], {
      timeout: 5000,
      encoding: 'utf8',
    });
    expect({ stdout, status }).to.deep.equal({ stdout: '1\n', status: 0 });
  });

  it('gives a worker thread stacks that name the lines of the job', async () => {
    put(
      'job.ts',
      '// a comment\ninterface Row { n: number }\nexport const run = (row: Row): number => {\n  throw new Error(`row ${row.n}`);\n};\n',
    );
    const { module } = await load('job.ts');
    const fixture = await buildFixtureWorker();
    const runner = new PiscinaRunner({
      numSlots: 1,
      limitBytes: 1 << 20,
      workerFile: fixture.workerFile,
      makeInit,
      execArgv: [],
    });
    try {
      const reply = await runner.submit(0, command({ do: 'runJob', module }), 0);
      expect(reply).to.have.nested.property('failure.message', 'row 7');
      expect(reply)
        .to.have.nested.property('failure.stack')
        .that.includes(`${join(root, 'job.ts')}:4:9`);
    } finally {
      await runner.stop();
      fixture.remove();
    }
  });
});
