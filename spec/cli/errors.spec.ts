/** What a user sees of mistakes and damage: the built command line in processes of its own, on real files. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { expect } from 'chai';
import { tempFolder } from '../helpers/temp-folder.js';

const root = join(import.meta.dirname, '..', '..');
const cli = join(root, 'dist', 'cli', 'main.js');
const mainJob = join(root, 'jobs', 'click-view-counts.ts');

describe('what goes wrong under sluice run', () => {
  const folder = tempFolder();
  const checkpoint = join(folder.path, '.sluice', 'click-view-counts', 'checkpoint');

  async function sluice(argv: readonly string[], env: { readonly [name: string]: string } = {}) {
    const child = spawn(process.execPath, [cli, ...argv], {
      cwd: folder.path,
      env: { ...process.env, ...env },
      timeout: 15_000,
      killSignal: 'SIGKILL',
    });
    const [outText, errText, [code]] = await Promise.all([
      text(child.stdout),
      text(child.stderr),
      once(child, 'close'),
    ]);
    expect(outText + errText, 'a stack trace').not.to.match(/^\s+at /m);
    return { code: code as number | null, outText, errText };
  }

  const runMain = (...more: string[]) =>
    sluice(['run', mainJob, '--once', '--workers', '1', '--arg', 'input=in', '--arg', 'output=out.csv', ...more]);

  const runJob = (name: string, env: { readonly [name: string]: string } = {}) =>
    sluice(['run', name, '--once', '--workers', '1'], env);

  const events = (name: string, ...users: string[]): string =>
    folder.file(`in/${name}`, ['user,action,ts', ...users.map(user => `${user},click,1700000000000`), ''].join('\n'));

  const lines = (name: string): string[] => readFileSync(join(folder.path, name), 'utf8').split('\n').slice(0, -1);

  /** One message on standard error that matches, and exit code 2. */
  function expectRefused({ code, errText }: { code: number | null; errText: string }, message: RegExp): void {
    expect(errText).to.match(message);
    expect(errText.match(/^error: /gm)).to.have.length(1);
    expect(code).to.equal(2);
  }

  beforeEach(() => {
    for (const name of readdirSync(folder.path)) rmSync(join(folder.path, name), { recursive: true });
    events('1.csv', 'ann', 'bob');
  });

  const refusals: [string, readonly string[], RegExp][] = [
    ['an input folder that is not there', ['--arg', 'input=nowhere'], /^error: input nowhere .*create it/],
    ['an output below a file', ['--arg', 'output=in/1.csv/x.csv'], /^error: output in\/1.csv\/x.csv cannot be written/],
    ['an argument that the job does not have', ['--arg', 'inptu=x'], /'inptu' .*did you mean 'input'/],
    ['an option that does not exist', ['--option', 'intervall=1s'], /'intervall' .*did you mean 'interval'/],
    ['a flag that does not exist', ['--onec'], /'--onec'\s.*--once/],
    ['an interval below a millisecond', ['--interval', '0.5ms'], /interval .* from 1 ms .*'0.5ms'/],
    ['no workers', ['--workers', '0'], /workers .* from 1 .*'0'/],
    ['a checkpoint directory without a name', ['--checkpoint', ''], /--checkpoint wants a directory/],
    ['a checkpoint directory that is a file', ['--checkpoint', 'in/1.csv'], /cannot write .*1\.csv/],
  ];
  for (const [what, argv, message] of refusals) {
    it(`refuses ${what}`, async () => expectRefused(await runMain(...argv), message));
  }

  it('refuses an output where the system lets nobody make folders, and does not wait for it', async function () {
    if (!existsSync('/proc/self')) return;
    expectRefused(await runMain('--arg', 'output=/proc/none/x.csv'), /^error: output \/proc\/none\/x.csv cannot be/);
  });

  const jobs: [string, string, RegExp][] = [
    ['does not parse', "export default job('x', {}, ssc => { const a = ; });", /job\.ts:1:\d+: Unexpected ";"/],
    ['exports no job', 'export default 5;', /wants a default export made by job\(/],
    ['throws while it is loaded', "throw new Error('no luck');", /no luck \(.*job\.ts:1:\d+\)/],
    ['waits for ever while it is loaded', 'await new Promise(() => {});', /never loaded to its end/],
    [
      'throws while it builds its graph',
      "import { job } from 'sluice';\nexport default job('x', {}, () => {\n  throw new Error('no luck');\n});",
      /build function of job 'x' threw: no luck \(.*job\.ts:3:\d+\)/,
    ],
    [
      'builds its graph later',
      "import { job } from 'sluice';\nexport default job('x', {}, async ssc => ssc.rateStream({ rowsPerSecond: 1 }).print());",
      /is async/,
    ],
    [
      'has options of another name',
      "import { job } from 'sluice';\nexport default job('x', { interval: 5 } as {}, () => {});",
      /wants \{ args, options \} .*'interval'/,
    ],
    [
      'says wrongly what happens to bad records',
      "import { job, text } from 'sluice';\nexport default job('x', {}, ssc => ssc.fileStream('in', text({ onBadRecord: 'dorp' as 'drop' })).print());",
      /onBadRecord wants .*"dorp"/,
    ],
  ];
  for (const [what, source, message] of jobs) {
    it(`refuses a job that ${what}`, async () => {
      folder.file('job.ts', source);
      expectRefused(await runJob('job.ts'), message);
    });
  }

  it('ends with 1 and the place in the user file when a closure throws, and begins with that batch again', async () => {
    folder.file(
      'picky.ts',
      `import { csv, job, schema, utf8 } from 'sluice';
const events = schema({ user: utf8(), action: utf8() });
export default job('picky', {}, ssc => {
  ssc
    .fileStream('in', csv(events))
    .map(({ user }) => {
      if (user === process.env['PICKY']) throw new TypeError('not ' + user);
      return user;
    })
    .saveAsText('users.txt');
});
`,
    );
    expect((await runJob('picky.ts')).code).to.equal(0);
    events('2.csv', 'cyd');
    const failed = await runJob('picky.ts', { PICKY: 'cyd' });
    expect(failed.code).to.equal(1);
    expect(failed.errText).to.match(
      /^error: batch [\d:.]+ \(\d+\) failed in map at picky\.ts:6 \(stage 0, partition 0, 4 attempts\): TypeError: not cyd at .*picky\.ts:7:\d+\./m,
    );
    expect(lines('users.txt')).to.deep.equal(['ann', 'bob']);
    const again = await runJob('picky.ts');
    expect(again.outText).to.match(/; 1 batch to run again/);
    expect(again.code).to.equal(0);
    expect(lines('users.txt')).to.deep.equal(['ann', 'bob', 'cyd']);
  });

  it('refuses an output that lacks what was committed to it, and leaves it as it is', async () => {
    await runMain();
    truncateSync(join(folder.path, 'out.csv'), 5);
    expectRefused(await runMain(), /output out\.csv wants the \d+ bytes that were committed to it, and it has 5/);
    expect(readFileSync(join(folder.path, 'out.csv'), 'utf8')).to.have.length(5);
    rmSync(join(folder.path, 'out.csv'));
    expectRefused(await runMain(), /and it is gone/);
  });

  it('refuses the checkpoint of another job, and a changed one with the difference', async () => {
    await runMain();
    const source = readFileSync(mainJob, 'utf8');
    folder.file('other.ts', source.replace("job('click-view-counts'", "job('other'"));
    const other = ['run', 'other.ts', '--once', '--arg', 'input=in', '--checkpoint', checkpoint];
    expectRefused(await sluice(other), /belongs to job 'click-view-counts', this is job 'other'/);
    folder.file('changed.ts', source.replaceAll('views', 'seen'));
    const changed = ['run', 'changed.ts', '--once', '--arg', 'input=in', '--arg', 'output=out.csv'];
    expectRefused(await sluice(changed), /views int64\n.*seen int64\n/);
  });

  it('refuses a source under a new id: it would be counted twice', async () => {
    await runMain();
    folder.file('renamed.ts', readFileSync(mainJob, 'utf8').replace('csv(events))', "csv(events), { id: 'clicks' })"));
    const renamed = ['run', 'renamed.ts', '--once', '--arg', 'input=in', '--arg', 'output=out.csv'];
    expectRefused(await sluice(renamed), /files, and new in the job: clicks\. Give a source its old id/);
    expect(lines('out.csv')).to.have.length(2);
  });

  it('says that a file that took the place of another one is read from its start', async () => {
    await runMain();
    writeFileSync(events('1.csv', 'ann'), 'user,action,ts\n');
    const { code, errText } = await runMain();
    expect(code).to.equal(0);
    expect(errText).to.match(/^warning: .*in\/1\.csv is another file or shorter .* read as new/);
  });

  it('looks at damage without a stack, whatever is shown', async () => {
    await runMain();
    for (const path of ['in', 'out.csv', 'nothing', '.sluice']) {
      expectRefused(await sluice(['checkpoint', 'show', path]), /is not a checkpoint: .*Wanted the directory/);
    }
    for (const name of ['MANIFEST', 'MANIFEST.prev']) writeFileSync(join(checkpoint, name), 'damaged\n');
    expectRefused(await runMain(), /checkpoint/);
  });
});
