/** The commands as they are typed, on a checkpoint on the disk; what they do is specified in spec/driver/tools. */
import { copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { tableFromIPC } from 'apache-arrow';
import { expect } from 'chai';
import { CheckpointStore } from '../../lib/checkpoint/checkpoint-store.js';
import { loadCheckpoint } from '../../lib/checkpoint/load-checkpoint.js';
import { NodeFileSystem } from '../../lib/core/node-file-system.js';
import { row, runIn } from '../driver/tools/tool-run.js';
import { tempFolder } from '../helpers/temp-folder.js';
import { FakeTerminal } from './fake-terminal.js';

const ESCAPE = '\u001b[31m';

describe('sluice checkpoint', () => {
  const folder = tempFolder();
  const fs = new NodeFileSystem();

  /** Runs a command line in the folder. */
  async function sluice(...argv: string[]): Promise<{ code: number; out: string; err: string }> {
    const terminal = new FakeTerminal({}, folder.path);
    // As the commands are: TypeScript that is imported at once is another module than the same imported later.
    const { main } = await import('../../lib/cli/main.js');
    const code = await main(argv, terminal);
    expect(terminal.outText + terminal.errText, 'no control character reaches the terminal').to.not.contain('\u001b');
    expect(terminal.errText).to.not.match(/^\s+at /m);
    return { code, out: terminal.outText, err: terminal.errText };
  }

  const checkpoint = (...argv: string[]): ReturnType<typeof sluice> => sluice('checkpoint', ...argv);

  /** A checkpoint with three committed batches, in which a user's name would colour the terminal. */
  async function make(name: string): Promise<string> {
    const path = join(folder.path, name);
    await runIn(fs, path, [[row(ESCAPE)], [row('bob')], [row('bob')]]);
    return path;
  }

  before(() => make('cp'));

  it('show tells positions, files and keys', async () => {
    const { code, out } = await checkpoint('show', 'cp', '--keys');
    expect(code).to.equal(0);
    for (const line of [
      /^job +tools$/m,
      /^ {2}a queue|^ {4}a queue in the program/m,
      /^ {2}plain: 2$/m,
      /^ {2}log\/00000\d\.wal {2}/m,
    ])
      expect(out).to.match(line);
    const json = JSON.parse((await checkpoint('show', 'cp', '--json')).out) as Record<string, unknown>;
    for (const name of ['positions', 'logFiles', 'deadLetters', 'aside']) expect(json).to.have.property(name);
  });

  it('verify ends with 0 for a sound one and with 1 for another, naming file, byte and cure', async () => {
    expect(await checkpoint('verify', 'cp')).to.deep.include({ code: 0 });
    const path = await make('damaged');
    const { log } = (await loadCheckpoint(fs, path)) ?? { log: { segments: [] } };
    const [first] = log.segments;
    const bytes = readFileSync(first?.path ?? '');
    bytes[100] = (bytes[100] ?? 0) ^ 1;
    writeFileSync(first?.path ?? '', bytes);
    const { code, out } = await checkpoint('verify', 'damaged');
    expect(code).to.equal(1);
    expect(out).to.match(/^problem +.*\d\.wal at byte \d+: .*\n +cure: .*sluice checkpoint repair/m);
    expect(JSON.parse((await checkpoint('verify', 'damaged', '--json')).out)).to.include({ sound: false });
    const stepped = await make('stepped');
    copyFileSync(join(stepped, 'MANIFEST'), join(stepped, 'MANIFEST.prev'));
    writeFileSync(join(stepped, 'MANIFEST'), 'damaged');
    const { err } = await checkpoint('export', 'stepped', '--format', 'json');
    expect(err).to.match(/^warning: the newest checkpoint in .* is damaged .*: stepped back/);
  });

  it('diff ends with 1 where there is a difference, and shows some of it', async () => {
    expect(await checkpoint('diff', 'cp', 'cp')).to.deep.include({ code: 0 });
    const { code, out } = await checkpoint('diff', 'cp', '--batch', '2000', '--limit', '1');
    expect(code).to.equal(1);
    expect(out).to.match(/operator plain\n +2 keys, then 2: 0 added, 0 removed, 1 changed\n +changed +"bob"/);
    expect((await checkpoint('diff', 'cp')).err).to.match(/two checkpoint directories, or one and --batch/);
  });

  it('repair shows what it means, and does it with --yes alone', async () => {
    await make('old');
    const shown = await checkpoint('repair', 'old', '--to-batch', '1970-01-01T00:00:02.000Z');
    expect(shown.code).to.equal(2);
    expect(shown.out).to.match(/^taken back +1 batch: 1970-01-01T00:00:03\.000Z, 1 record$/m);
    expect(shown.out).to.match(/^run again +1 batch/m);
    expect(shown.err).to.match(/nothing was changed: add --yes/);
    const done = await checkpoint('repair', 'old', '--to-batch', '2000', '--yes');
    expect([done.code, done.out]).to.satisfy(
      ([code, out]: [number, string]) => code === 0 && /aside.000001-repair/.test(out),
    );
    expect((await checkpoint('show', 'old')).out).to.match(/^to run again +1 batch$/m);
    expect((await checkpoint('repair', 'old', '--to-batch', 'soon')).err).to.match(
      /--to-batch wants the time of a batch/,
    );
  });

  it('export writes lines, and an Arrow file of one operator', async () => {
    const { out } = await checkpoint('export', 'cp', '--format', 'json', '--operator', 'plain');
    const rows = out
      .trim()
      .split('\n')
      .map(line => JSON.parse(line) as { key: { user: string } });
    expect(rows.map(({ key }) => key.user).toSorted()).to.deep.equal([ESCAPE, 'bob']);
    await checkpoint('export', 'cp', '--format', 'arrow', '--operator', 'plain', '--out', 'plain.arrow');
    expect(tableFromIPC(readFileSync(join(folder.path, 'plain.arrow'))).numRows).to.equal(2);
    for (const [argv, message] of [
      [['--format', 'xml'], /--format wants json or arrow/],
      [['--format', 'arrow'], /give --out FILE/],
      [['--format', 'arrow', '--out', 'x'], /give --operator, one of six, plain/],
      [['--format', 'json', '--out', 'no/such/x'], /cannot be written/],
    ] as const)
      expect((await checkpoint('export', 'cp', ...argv)).err).to.match(message);
    expect(existsSync(join(folder.path, 'x'))).to.equal(false);
  });

  it('drop-operator, set-offsets and fork change what they say', async () => {
    await make('other');
    expect((await checkpoint('drop-operator', 'other', '--operator', 'plain')).out).to.match(
      /^operator plain: removed/,
    );
    expect((await checkpoint('export', 'other', '--format', 'json')).out).to.not.contain('"operator":"plain"');
    const source = /^sources\n {2}(\S+)/m.exec((await checkpoint('show', 'other')).out)?.[1] ?? '';
    expect((await checkpoint('set-offsets', 'other', '--source', source, '--next', '3')).err).to.match(
      /push the rows again/,
    );
    expect((await checkpoint('fork', 'other', 'copy')).out).to.match(/copy: checkpoint [0-9a-f]{16}/);
    expect((await checkpoint('diff', 'other', 'copy')).out).to.match(/no difference/);
    expect((await checkpoint('fork', 'other', 'copy')).err).to.match(/is there already/);
    expect((await checkpoint('verify', 'copy')).code).to.equal(0);
  });

  it('refuses all but show while a driver uses the checkpoint, and what is none', async () => {
    const path = await make('used');
    const operators = (await loadCheckpoint(fs, path))?.manifest.operators ?? [];
    const { store } = await CheckpointStore.open(fs, path, {
      job: 'tools',
      fingerprint: '',
      operators,
      numKeyGroups: 128,
    });
    expect((await checkpoint('show', 'used')).out).to.match(/^used by +process \d+ on .*, which runs$/m);
    for (const argv of [
      ['verify', 'used'],
      ['diff', 'used', 'cp'],
      ['export', 'used', '--format', 'json'],
      ['repair', 'used', '--to-batch', '2000', '--yes'],
      ['drop-operator', 'used', '--operator', 'plain'],
      ['fork', 'used', 'never'],
    ]) {
      const { code, err } = await checkpoint(...argv);
      expect([argv[0], code], err).to.deep.equal([argv[0], 2]);
      expect(err).to.match(/^error: .*is used by process \d+ .*stop that driver first/);
    }
    await store.close();
    mkdirSync(join(folder.path, 'empty'));
    for (const argv of [
      ['verify', 'empty'],
      ['repair', 'empty'],
      ['export', 'nowhere', '--format', 'json'],
      ['fork', 'empty', 'never'],
    ])
      expect(await checkpoint(...argv)).to.deep.include({ code: 2 });
  });

  it('deadletter lists and replays', async () => {
    const path = await make('letters');
    const dead = join(folder.path, 'deadletter', 'letters');
    for (const made of [dead, join(folder.path, 'in')]) mkdirSync(made, { recursive: true });
    const line = (text: string, byteOffset: number): string =>
      `${JSON.stringify({ source: 'files', file: 'in/a.csv', byteOffset, line: 2, reason: `no ${text}`, text, base64: Buffer.from(text).toString('base64'), batch: 1000 })}\n`;
    const lines = line(`x${ESCAPE}`, 1) + line('y', 9);
    writeFileSync(join(dead, 'deadletter-000000.ndjson'), lines);
    const operators = (await loadCheckpoint(fs, path))?.manifest.operators ?? [];
    const { store } = await CheckpointStore.open(fs, path, {
      job: 'tools',
      fingerprint: '',
      operators,
      numKeyGroups: 128,
    });
    store.logOffsets(9000, {});
    await store.logCommit(9000, {
      sinks: { deadletter: { path: dead, file: 0, length: Buffer.byteLength(lines) } },
      deltas: [],
    });
    await store.close();
    const listed = await sluice('deadletter', 'list', 'letters', '--limit', '1');
    expect(listed.out).to.match(
      / files {2}in\/a\.csv:2\n {2}no x\\x1b\[31m\n {2}x\\x1b\[31m\n2 dead letters of 2 .*: 2 waiting, 0 replayed, 1 more not shown\n$/,
    );
    const json = await sluice('deadletter', 'list', 'letters', '--json', '--reason', 'no y');
    writeFileSync(join(folder.path, 'edit.ndjson'), json.out.replace('"text":"y"', '"text":"y,2"'));
    const replay = (...argv: string[]): ReturnType<typeof sluice> =>
      sluice('deadletter', 'replay', 'letters', '--into', 'in', ...argv);
    expect((await replay('--edit', 'edit.ndjson')).err).to.match(/--header LINE .* --no-header/);
    const { out } = await replay('--edit', 'edit.ndjson', '--header', 'a,b');
    const written = /^replay 1: 1 record, 8 B, in (.*)$/m.exec(out)?.[1] ?? '';
    expect(readFileSync(written, 'utf8')).to.equal('a,b\ny,2\n');
    expect((await replay('--edit', 'edit.ndjson', '--no-header')).out).to.match(/^no record was put back in/);
    expect((await sluice('deadletter', 'list', 'letters')).out).to.match(/\(replayed: 1\)[^]*1 waiting, 1 replayed\n$/);
    expect((await replay('--edit', 'a', '--map', 'b')).err).to.match(/give one/);
  });
});
