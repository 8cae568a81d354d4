import { expect } from 'chai';
import { main } from '../../lib/cli/main.js';
import { EngineError } from '../../lib/core/errors.js';
import { FakeEngine } from './fake-engine.js';
import { FakeTerminal } from './fake-terminal.js';

async function runMain(argv: readonly string[], terminal = new FakeTerminal(), engine = new FakeEngine()) {
  const running = main(argv, terminal, async () => engine);
  void engine.started.then(() => engine.finish());
  return { code: await running, terminal, engine };
}

describe('sluice run', () => {
  it('passes options, arguments and paths on', async () => {
    const argv = ['run', 'jobs/counts.ts', '--interval', '250ms', '--workers', '3', '--checkpoint', 'cp', '--once'];
    const more = ['--arg', 'input=a=b', '--arg', 'mode=exact', '--option', 'maxBatchBytes=1MiB'];
    const { code, engine } = await runMain([...argv, ...more]);
    expect(code).to.equal(0);
    expect(engine.opened).to.equal('/work/jobs/counts.ts');
    expect(engine.settings).to.deep.include({
      checkpoint: '/work/cp',
      once: true,
      args: { input: 'a=b', mode: 'exact' },
    });
    expect(engine.settings?.options).to.include({
      intervalMs: 250,
      workers: 3,
      maxBatchBytes: 1024 ** 2,
      checkpointIntervalMs: 60_000,
    });
  });

  it("takes the job's own options where none is given, and a checkpoint of the job's own", async () => {
    const { engine } = await runMain(['run', 'counts.ts']);
    expect(engine.settings).to.include({ once: false, checkpoint: '/work/.sluice/counts/checkpoint' });
    expect(engine.settings?.options).to.include({ intervalMs: 2000, checkpointIntervalMs: 60_000 });
  });

  it('takes the environment before the job and after the command line', async () => {
    const { engine } = await runMain(
      ['run', 'counts.ts', '--workers', '5'],
      new FakeTerminal({ SLUICE_INTERVAL: '7s', SLUICE_WORKERS: '9' }),
    );
    expect(engine.settings?.options).to.include({ intervalMs: 7000, workers: 5 });
  });

  it('exits with 1 when batches were left out, and says how many', async () => {
    const terminal = new FakeTerminal();
    const engine = new FakeEngine();
    const running = main(['run', 'counts.ts', '--once'], terminal, async () => engine);
    void engine.started.then(() => engine.finish('finished', { failedBatches: 2 }));
    expect(await running).to.equal(1);
    expect(terminal.errText).to.equal('2 batches failed and left out: the next run begins with them\n');
  });

  it('tells of no next run where there is no checkpoint', async () => {
    const terminal = new FakeTerminal();
    const engine = new FakeEngine();
    const running = main(['run', 'counts.ts', '--once', '--checkpoint', 'none'], terminal, async () => engine);
    void engine.started.then(() => engine.finish('finished', { failedBatches: 1 }));
    expect(await running).to.equal(1);
    expect(terminal.errText).to.equal('1 batch failed and left out\n');
  });

  const refused: [string, readonly string[], RegExp][] = [
    ['no job', ['run'], /^error: sluice run wants the path of a job file/],
    ['an unknown flag', ['run', 'a.ts', '--intervall', '1s'], /^error: unknown option '--intervall'/],
    ['an unknown option', ['run', 'a.ts', '--option', 'wokers=2'], /did you mean 'workers'\?\n$/],
    [
      'an option without a value',
      ['run', 'a.ts', '--option', 'workers'],
      /--option wants name=value, got 'workers'\n$/,
    ],
    ['a value that does not fit', ['run', 'a.ts', '--interval', 'soon'], /interval.*wants a duration.*got 'soon'\n$/],
    ['an unknown argument', ['run', 'a.ts', '--arg', 'inptu=x'], /unknown argument 'inptu'.*did you mean 'input'\?\n$/],
    [
      'an argument that does not fit',
      ['run', 'a.ts', '--arg', 'mode=slow'],
      /mode wants one of fast, exact, got 'slow'\n$/,
    ],
    ['two jobs', ['run', 'a.ts', 'b.ts'], /^error: too many arguments/],
    ['json and quiet', ['run', 'a.ts', '--json', '--quiet'], /give one of them\n$/],
    ['an unknown command', ['rum'], /^error: unknown command 'rum'\n\(Did you mean run\?\)\n$/],
    ['escapes in what came', ['run', 'a.ts', '--interval', '\u001b[2J'], /got '\\x1b\[2J'\n$/],
  ];
  for (const [what, argv, message] of refused) {
    it(`refuses ${what} with exit code 2 and one message`, async () => {
      const { code, terminal } = await runMain(argv);
      expect(code).to.equal(2);
      expect(terminal.errText)
        .to.match(message)
        .and.not.match(/^\s+at /m);
      expect(terminal.outText).to.equal('');
    });
  }

  it('ends with the exit code of what the run failed with', async () => {
    for (const [code, exitCode] of [
      ['batchFailed', 1],
      ['checkpointForeign', 2],
    ] as const) {
      const terminal = new FakeTerminal();
      const engine = new FakeEngine();
      const ended = main(['run', 'a.ts'], terminal, async () => engine);
      await engine.started;
      engine.fail(new EngineError(code, 'what went wrong\n  at a.ts:3:1'));
      expect(await ended).to.equal(exitCode);
      expect(terminal.errText).to.equal('error: what went wrong\n  at a.ts:3:1\n');
      expect(terminal.numSignalListeners).to.equal(0);
    }
  });

  it('tells an error that is not its own as one message too, and the stack when asked', async () => {
    for (const [env, stack] of [
      [{}, false],
      [{ SLUICE_DEBUG: '1' }, true],
    ] as const) {
      const terminal = new FakeTerminal(env);
      const broken = new FakeEngine();
      broken.openJob = () => Promise.reject(new TypeError('x is not a function', { cause: new Error('deeper') }));
      expect(await main(['run', 'a.ts'], terminal, async () => broken)).to.equal(1);
      expect(terminal.errText).to.match(/^error: x is not a function\n/);
      expect(/\n\s+at /.test(terminal.errText)).to.equal(stack);
      expect(terminal.errText.includes('caused by Error: deeper')).to.equal(stack);
    }
  });

  it('stops after the batch under way on the first signal and at once on the second', async () => {
    const terminal = new FakeTerminal();
    const engine = new FakeEngine();
    const ended = main(['run', 'a.ts'], terminal, async () => engine);
    await engine.started;
    await Promise.resolve();
    terminal.signal('SIGINT');
    expect(terminal.errText).to.equal('SIGINT: stopping after the batch under way; once more stops at once\n');
    terminal.signal('SIGINT');
    expect(terminal.exited).to.equal(130);
    expect(await ended).to.equal(0);
    expect(engine.stops).to.deep.equal(['graceful']);
    expect(terminal.numSignalListeners).to.equal(0);
  });

  it('stops as soon as it runs when the signal came before', async () => {
    const terminal = new FakeTerminal();
    const engine = new FakeEngine();
    const ended = main(['run', 'a.ts'], terminal, async () => engine);
    const open = engine.openJob;
    engine.openJob = async path => {
      terminal.signal('SIGTERM');
      return await open(path);
    };
    expect(await ended).to.equal(0);
    expect(engine.stops).to.deep.equal(['graceful']);
  });

  it('stops a live run when nobody reads its output, and lets a bounded one go on', async () => {
    for (const [argv, stops] of [
      [['run', 'a.ts'], ['graceful']],
      [['run', 'a.ts', '--once'], []],
    ] as const) {
      const terminal = new FakeTerminal();
      const engine = new FakeEngine();
      const ended = main(argv, terminal, async () => engine);
      await engine.started;
      await Promise.resolve();
      terminal.closeOutput();
      engine.finish();
      expect(await ended).to.equal(0);
      expect(engine.stops).to.deep.equal(stops);
    }
  });
});

describe('sluice help', () => {
  it("lists a job's own arguments after the options, with type, default and help", async () => {
    const { code, terminal, engine } = await runMain(['run', 'counts.ts', '--help']);
    expect(code).to.equal(0);
    expect(terminal.outText)
      .to.match(/^Usage: sluice run \[options\] \[job\]\n/)
      .and.match(/--once /);
    expect(terminal.outText).to.match(/^ {2}maxTaskFailures +failed attempts of one task/m);
    expect(terminal.outText.split('Arguments of counts (--arg name=value):\n')[1]).to.equal(
      [
        '  input <path>       folder of CSV files (default: clicks)',
        '  mode <fast|exact>  how to count (default: fast)',
        '  window <duration>  how long to look back (default: 30s)',
        '',
      ].join('\n'),
    );
    expect(engine.settings).to.equal(undefined);
  });

  it('does without a job', async () => {
    const { code, terminal } = await runMain(['run', '--help']);
    expect(code).to.equal(0);
    expect(terminal.outText).to.contain('Engine options').and.not.contain('Arguments of');
  });

  it('is shown on standard error, with exit code 2, when no command is given', async () => {
    const { code, terminal } = await runMain([]);
    expect(code).to.equal(2);
    expect(terminal.errText).to.match(/^Usage: sluice/);
  });

  it('has the version', async () => {
    const { code, terminal } = await runMain(['--version']);
    expect(code).to.equal(0);
    expect(terminal.outText).to.match(/^\d+\.\d+\.\d+\n$/);
  });
});
