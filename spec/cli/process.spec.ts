import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { expect } from 'chai';

const root = dirname(dirname(import.meta.dirname));

/** Runs the command line as it is built, in a process of its own. */
async function runEntry(entry: string, argv: readonly string[], options: { readonly closeOutput?: boolean } = {}) {
  const child = spawn(process.execPath, [join(root, 'dist', entry), ...argv], { cwd: root, timeout: 10_000 });
  const out = options.closeOutput ? child.stdout.destroy() && Promise.resolve('') : text(child.stdout);
  const [outText, errText, [code, signal]] = await Promise.all([out, text(child.stderr), once(child, 'close')]);
  return { code: code as number | null, signal: signal as string | null, outText, errText };
}

describe('the sluice process', () => {
  it('ends with 2 and one message, without a stack, for what the caller can cure', async () => {
    const missing = join(tmpdir(), 'there-is-no-such-folder', 'job.ts');
    const { code, outText, errText } = await runEntry('cli/main.js', ['run', missing]);
    expect(code).to.equal(2);
    expect(errText).to.match(/^error: .*there-is-no-such-folder.*\n$/);
    expect(outText).to.equal('');
  });

  it('looks into a checkpoint that is not there and says so', async () => {
    const { code, errText } = await runEntry('cli/main.js', [
      'checkpoint',
      'show',
      join(tmpdir(), 'there-is-no-such-folder'),
    ]);
    expect(code).to.equal(2);
    expect(errText)
      .to.match(/^error: .*there-is-no-such-folder/)
      .and.not.match(/^\s+at /m);
  });

  it('is the run command when started as the driver', async () => {
    const { code, outText } = await runEntry('driver', ['--help']);
    expect(code).to.equal(0);
    expect(outText).to.match(/^Usage: sluice run/);
  });

  it('ends in silence when nobody reads its output', async () => {
    const { code, signal, errText } = await runEntry('cli/main.js', ['run', '--help'], { closeOutput: true });
    expect({ code, signal, errText }).to.deep.equal({ code: 0, signal: null, errText: '' });
  });
});
