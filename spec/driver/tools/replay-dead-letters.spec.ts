import { writeFileSync } from 'node:fs';
import { expect } from 'chai';
import { CheckpointStore } from '../../../lib/checkpoint/checkpoint-store.js';
import type { FileSystem } from '../../../lib/core/file-system.js';
import { NodeFileSystem } from '../../../lib/core/node-file-system.js';
import { loadMap, readEdits, unchanged } from '../../../lib/driver/tools/corrections.js';
import { readDeadLetters, type DeadLetter } from '../../../lib/driver/tools/dead-letters.js';
import { replayDeadLetters, type ReplayRequest } from '../../../lib/driver/tools/replay-dead-letters.js';
import { DIRECTORY, OPTIONS } from '../../checkpoint/scripted-run.js';
import { crashEverywhere, refusalOf, worldOf } from '../../checkpoint/tools/tool-world.js';
import { ModelFileSystem } from '../../helpers/model-file-system.js';
import { tempFolder } from '../../helpers/temp-folder.js';

const FOLDER = '/data/deadletter/job';
const INTO = '/data/in';

type Line = Partial<Omit<DeadLetter, 'id' | 'replay'>>;

const lineOf = (text: string, line: Line = {}): string => {
  const base64 = Buffer.from(text).toString('base64');
  const all = { source: 'files', file: 'in/a.csv', byteOffset: 10, line: 2, reason: 'bad', text, base64, batch: 1000 };
  return `${JSON.stringify({ ...all, ...line })}\n`;
};

/** A checkpoint whose job has committed these lines, each file's, and has written some more of the last. */
async function withLetters(files: readonly string[], beyond = ''): Promise<ModelFileSystem> {
  const fs = new ModelFileSystem();
  const { store } = await CheckpointStore.open(fs, DIRECTORY, OPTIONS);
  const file = files.length - 1;
  store.logOffsets(1000, {});
  const length = Buffer.byteLength(files.at(-1) ?? '');
  await store.logCommit(1000, { sinks: { deadletter: { path: FOLDER, file, length } }, deltas: [] });
  await store.close();
  for (const folder of [FOLDER, INTO]) await fs.mkdir(folder);
  for (const path of ['/data', '/data/deadletter', '/']) await fs.syncDirectory(path);
  for (const [i, content] of files.entries())
    fs.replace(`${FOLDER}/deadletter-00000${i}.ndjson`, Buffer.from(i === file ? content + beyond : content));
  return fs;
}

const replay = (fs: FileSystem, change: Partial<ReplayRequest> = {}): ReturnType<typeof replayDeadLetters> =>
  replayDeadLetters(worldOf(fs), DIRECTORY, {
    into: INTO,
    select: () => true,
    correct: unchanged,
    header: null,
    ...change,
  });

async function lettersOf(fs: FileSystem): Promise<DeadLetter[]> {
  const letters: DeadLetter[] = [];
  for await (const letter of (await readDeadLetters(fs, DIRECTORY)).letters()) letters.push(letter);
  return letters;
}

/** What a source would read of the folder, by name. */
const inputOf = (fs: ModelFileSystem): string[] =>
  fs
    .paths()
    .filter(path => path.startsWith(`${INTO}/`) && !path.endsWith('.tmp'))
    .map(path => `${path.slice(INTO.length + 1)}: ${String(Buffer.from(fs.bytesOf(path)))}`);

describe('readDeadLetters', () => {
  it('gives what is committed, file by file, and nothing that a crash left behind it', async () => {
    const omitted = `${JSON.stringify({ source: null, omitted: 7, batch: 1000 })}\n`;
    const fs = await withLetters([lineOf('a') + omitted, lineOf('b') + lineOf('ü'.repeat(300_000))], lineOf('never'));
    const found = await readDeadLetters(fs, DIRECTORY);
    const texts: (string | null)[] = [];
    for await (const { text } of found.letters()) texts.push(text);
    expect(texts).to.deep.equal(['a', 'b', 'ü'.repeat(300_000)]);
    expect(found.omitted).to.equal(7);
  });

  it('knows a record by what it is, and tells the second of the same apart', async () => {
    const [first, second, other] = await lettersOf(
      await withLetters([lineOf('a') + lineOf('a', { batch: 2000 }) + lineOf('a', { byteOffset: 11 })]),
    );
    expect(first?.id).to.match(/^[0-9a-f]{16}$/);
    expect(second?.id).to.equal(`${first?.id}.2`);
    expect(other?.id).to.not.equal(first?.id);
  });
});

describe('replayDeadLetters', () => {
  it('writes the chosen records to one new file, and never again', async () => {
    const fs = await withLetters([
      lineOf('x,1') + lineOf('y,2', { line: 3, byteOffset: 20 }) + lineOf('z', { reason: 'other', byteOffset: 30 }),
    ]);
    const chosen = { select: ({ reason }: DeadLetter) => reason === 'bad', header: 'a,b' };
    const { replay: made } = await replay(fs, chosen);
    expect(made?.ids).to.have.length(2);
    expect(inputOf(fs)).to.have.length(1);
    expect(inputOf(fs)[0]).to.match(/^replay-000001-[0-9a-f]{16}\.csv: a,b\nx,1\ny,2\n$/);
    expect((await lettersOf(fs)).map(({ replay: number }) => number)).to.deep.equal([1, 1, null]);
    expect((await replay(fs, chosen)).replay).to.equal(undefined);
    expect((await replay(fs)).replay?.ids).to.have.length(1);
    expect(inputOf(fs)).to.have.length(2);
  });

  it('takes a record that a batch wrote anew after a step back for the same', async () => {
    const fs = await withLetters([lineOf('x')]);
    await replay(fs);
    fs.replace(`${FOLDER}/deadletter-000000.ndjson`, Buffer.from(lineOf('x', { batch: 4000 })));
    expect((await replay(fs)).replay).to.equal(undefined);
  });

  it('has every record in exactly one file whenever it crashes, after the next replay', async () => {
    const before = await withLetters([lineOf('x') + lineOf('y', { byteOffset: 20 })]);
    const read = async (fs: FileSystem): Promise<string> => inputOf(fs as ModelFileSystem).join();
    await crashEverywhere(
      before,
      fs => replay(fs),
      read,
      async fs => {
        await replay(fs);
        const input = inputOf(fs as ModelFileSystem);
        expect(input.map(text => text.replace(/^[^:]*: /, ''))).to.deep.equal(['x\ny\n']);
        expect((await lettersOf(fs)).every(letter => letter.replay !== null)).to.equal(true);
        expect((fs as ModelFileSystem).paths().filter(path => path.endsWith('.tmp'))).to.deep.equal([]);
      },
    );
  });

  it('finishes a replay that was interrupted, when the source has not seen its file', async () => {
    const fs = await withLetters([lineOf('x')]);
    fs.failNext('rename', 'EIO', INTO);
    await replay(fs).catch(() => undefined);
    expect(inputOf(fs)).to.deep.equal([]);
    const { finished, replay: made } = await replay(fs);
    expect([finished.length, made]).to.deep.equal([1, undefined]);
    expect(inputOf(fs)).to.have.length(1);
    // A file that the user took away after it was read does not come back.
    fs.lose(`${INTO}/${inputOf(fs)[0]?.split(':')[0]}`);
    expect((await replay(fs)).finished).to.deep.equal([]);
    expect(inputOf(fs)).to.deep.equal([]);
  });

  it('leaves records alone that are not whole, and those for which there is no correction', async () => {
    const fs = await withLetters([
      lineOf('x'.repeat(65536)) + lineOf('keep', { byteOffset: 9 }) + lineOf('go', { byteOffset: 5 }),
    ]);
    const correct = async (letter: DeadLetter): Promise<Uint8Array | string | undefined> =>
      letter.text === 'keep' ? undefined : unchanged(letter);
    const { cut, replay: made } = await replay(fs, { correct });
    expect([cut.length, made?.ids.length]).to.deep.equal([1, 1]);
    expect((await replay(fs, { correct: async () => 'whole' })).replay?.ids).to.have.length(2);
  });

  it('refuses what could not be read, before anything is written', async () => {
    const two = lineOf('x') + lineOf('y', { source: 'others' });
    const cases: [string, Partial<ReplayRequest>, RegExp][] = [
      [two, {}, /records of one source.*'files' and 'others': choose one with --source/],
      [lineOf('x'), { header: undefined }, /--header LINE .* --no-header/],
      [lineOf('x', { file: 'in/a.parquet' }), {}, /not made of lines/],
      [lineOf('x', { file: 'in/a.ndjson' }), { correct: async () => '1\n2' }, /would be two records/],
      [lineOf('x'), { into: '/nowhere' }, /--into wants the folder .* \/nowhere is none/],
    ];
    for (const [lines, change, message] of cases) {
      const fs = await withLetters([lines]);
      expect((await refusalOf(replay(fs, change))).message).to.match(message);
      expect(inputOf(fs)).to.deep.equal([]);
      expect((await lettersOf(fs)).every(letter => letter.replay === null)).to.equal(true);
    }
  });

  it('is refused while another one is made', async () => {
    const fs = await withLetters([lineOf('x')]);
    const request = { into: INTO, select: () => true, correct: unchanged, header: null };
    let inner: Promise<unknown> | undefined;
    await replay(fs, {
      correct: async letter => {
        inner = refusalOf(replayDeadLetters({ ...worldOf(fs), isAlive: () => true }, DIRECTORY, request));
        expect(await inner).to.have.property('code', 'checkpointLocked');
        return unchanged(letter);
      },
    });
    expect(inner).to.not.equal(undefined);
    expect(inputOf(fs)).to.have.length(1);
  });
});

describe('corrections', () => {
  const folder = tempFolder();
  const fs = new NodeFileSystem();

  it('are lines with an id and a text, or bytes', async () => {
    const path = folder.file(
      'edit.ndjson',
      '{"id":"a","text":"x","base64":"AAAA"}\n\n{"id":"b","text":null,"base64":"AAE="}\n',
    );
    const edits = await readEdits(fs, path);
    expect([...edits].map(([id, bytes]) => [id, [...bytes]])).to.deep.equal([
      ['a', [120]],
      ['b', [0, 1]],
    ]);
    for (const [content, message] of [
      ['{"id":"a"', /edit\.ndjson:1: a JSON object is wanted/],
      ['{"id":"a","text":"x"}\n{"text":"y"}', /edit\.ndjson:2: a corrected record wants an id/],
      ['null', /wants an id/],
    ] as const) {
      writeFileSync(path, content);
      expect((await refusalOf(readEdits(fs, path))).message).to.match(message);
    }
    expect((await refusalOf(readEdits(fs, `${path}.no`))).code).to.equal('inputMissing');
  });

  it("are what a module's function gives, which is named when it fails", async () => {
    const letter = (await lettersOf(await withLetters([lineOf('ab')])))[0] as DeadLetter;
    const map = await loadMap(folder.file('map.mjs', 'export default r => r.text === "ab" ? r.text + "!" : null;'));
    expect(await map(letter)).to.equal('ab!');
    expect(await map({ ...letter, text: 'c' })).to.equal(undefined);
    const throwing = await loadMap(folder.file('bad.mjs', 'export default () => { throw new Error("no"); };'));
    expect((await refusalOf(throwing(letter))).message).to.match(
      /bad\.mjs threw for record [0-9a-f]{16}: no\. Nothing/,
    );
    const number = await loadMap(folder.file('number.mjs', 'export default () => 1;'));
    expect((await refusalOf(number(letter))).message).to.match(/gave number for/);
    expect((await refusalOf(loadMap(folder.file('none.mjs', 'export const x = 1;')))).message).to.match(
      /got undefined/,
    );
    expect((await refusalOf(loadMap('/no/such.mjs'))).code).to.equal('jobInvalid');
  });
});
