import { expect } from 'chai';
import { NodeFileSystem } from '../../lib/core/node-file-system.js';
import { TextFolders, type FolderWriter } from '../../lib/sinks/text-folder.js';
import { ModelFileSystem, type Crash } from '../helpers/model-file-system.js';
import { randomOf } from '../helpers/random-values.js';
import { tempFolder } from '../helpers/temp-folder.js';
import { rejection } from '../helpers/with-rdd.js';

const TEXTS = ['a\nb\n', '', 'c\n'];
const writer: FolderWriter = { job: 'spec', output: 'foreachRDD', batch: 1000, action: 2 };
const SUCCESS = '{"version":1,"job":"spec","output":"foreachRDD","batch":1000,"action":2}\n';

const filesOf = (fs: ModelFileSystem): Record<string, string> =>
  Object.fromEntries(fs.paths().map(path => [path, Buffer.from(fs.bytesOf(path)).toString()]));

const WRITTEN = {
  '/out/new/words/_SUCCESS': SUCCESS,
  '/out/new/words/part-00000': 'a\nb\n',
  '/out/new/words/part-00001': '',
  '/out/new/words/part-00002': 'c\n',
};
const PATH = '/out/new/words';

describe('TextFolders', () => {
  const folder = tempFolder();

  it('writes a file for each text, and who wrote them', async () => {
    const fs = new ModelFileSystem();
    await new TextFolders(fs).write(PATH, TEXTS, writer);
    expect(filesOf(fs)).to.deep.equal(WRITTEN);
    fs.crash();
    expect(filesOf(fs)).to.deep.equal(WRITTEN);
  });

  it('writes no texts as a folder with nothing but who wrote it', async () => {
    const fs = new ModelFileSystem();
    await new TextFolders(fs).write(PATH, [], writer);
    expect(Object.keys(filesOf(fs))).to.deep.equal([`${PATH}/_SUCCESS`]);
  });

  it('leaves what the same action of the same batch wrote before', async () => {
    const fs = new ModelFileSystem();
    await new TextFolders(fs).write(PATH, TEXTS, writer);
    fs.resetCounts();
    await new TextFolders(fs).write(PATH, TEXTS, writer);
    expect(fs.count('write') + fs.count('rename')).to.equal(0);
    expect(filesOf(fs)).to.deep.equal(WRITTEN);
  });

  for (const [what, other] of Object.entries({
    batch: { ...writer, batch: 2000 },
    action: { ...writer, action: 3 },
    output: { ...writer, output: 'other' },
    job: { ...writer, job: 'other' },
  })) {
    it(`refuses the folder of another ${what}`, async () => {
      const fs = new ModelFileSystem();
      await new TextFolders(fs).write(PATH, TEXTS, writer);
      const error = await rejection(new TextFolders(fs).write(PATH, ['x\n'], other));
      expect(error).to.have.property('code', 'outputUnwritable');
      expect(String(error)).to.contain(PATH);
      expect(filesOf(fs)).to.deep.equal(WRITTEN);
    });
  }

  it('refuses a folder that something else made, and a file', async () => {
    const fs = new ModelFileSystem();
    await fs.mkdir('/out/new/words');
    fs.replace('/out/file', Buffer.from('x'));
    for (const path of [PATH, '/out/file', '/out/file/below']) {
      expect(await rejection(new TextFolders(fs).write(path, TEXTS, writer))).to.have.property(
        'code',
        'outputUnwritable',
      );
    }
    expect(filesOf(fs)).to.deep.equal({ '/out/file': 'x' });
  });

  it('writes one folder after another, and goes on after one that failed', async () => {
    const fs = new ModelFileSystem();
    const folders = new TextFolders(fs);
    fs.failNext('rename', 'ENOSPC');
    const [first, second] = await Promise.all([
      rejection(folders.write(PATH, ['x\n', 'y\n', 'z\n', 'more\n'], writer)),
      folders.write(PATH, TEXTS, writer),
    ]);
    expect(first).to.have.property('code', 'outputUnwritable');
    expect(second).to.equal(undefined);
    expect(filesOf(fs)).to.deep.equal(WRITTEN);
  });

  it('leaves a whole folder or none under its name, wherever it dies, and the same after a restart', async () => {
    const clean = new ModelFileSystem();
    await new TextFolders(clean).write(PATH, TEXTS, writer);
    for (let operation = 0; operation < clean.numOperations; operation++) {
      for (const seed of [0, 1, 2, 3, 4]) {
        const crash: Crash =
          seed === 0 ? { kind: 'kill' } : { kind: 'power', random: randomOf(seed * 1000 + operation) };
        const fs = new ModelFileSystem();
        fs.downAt(operation);
        await rejection(new TextFolders(fs).write(PATH, TEXTS, writer));
        fs.crash(crash);
        const where = `down at operation ${operation}, seed ${seed}`;
        const own = Object.entries(filesOf(fs)).filter(([path]) => path.startsWith(`${PATH}/`));
        if (own.length > 0) expect(Object.fromEntries(own), where).to.deep.equal(WRITTEN);
        await new TextFolders(fs).write(PATH, TEXTS, writer);
        fs.crash();
        expect(filesOf(fs), where).to.deep.equal(WRITTEN);
      }
    }
  });

  it('writes to the disk', async () => {
    const fs = new NodeFileSystem();
    const path = `${folder.path}/a/b`;
    await new TextFolders(fs).write(path, TEXTS, writer);
    await new TextFolders(fs).write(path, TEXTS, writer);
    expect((await fs.readdir(path)).toSorted()).to.deep.equal(['_SUCCESS', 'part-00000', 'part-00001', 'part-00002']);
    expect(await fs.readdir(`${folder.path}/a`)).to.deep.equal(['b']);
    const other = { ...writer, batch: 1 };
    expect(await rejection(new TextFolders(fs).write(path, TEXTS, other))).to.have.property('code', 'outputUnwritable');
  });
});
