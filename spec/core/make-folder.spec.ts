import { expect } from 'chai';
import { makeDurableFolder } from '../../lib/core/make-folder.js';
import { ModelFileSystem } from '../helpers/model-file-system.js';

const PATH = '/a/b/c';

describe('makeDurableFolder', () => {
  it('makes what is missing, and leaves a folder that is there', async () => {
    const fs = new ModelFileSystem();
    await makeDurableFolder(fs, PATH);
    await makeDurableFolder(fs, PATH);
    expect((await fs.stat(PATH)).isDirectory).to.equal(true);
  });

  // A run was killed between making its folder and syncing the name; the next one found the folder, wrote a file there
  // that it took for durable, and a loss of power took folder and file.
  it('keeps a folder that a killed process had made through a loss of power', async () => {
    for (let operation = 0; operation < 12; operation++) {
      const fs = new ModelFileSystem();
      fs.downAt(operation);
      await makeDurableFolder(fs, PATH).catch(() => undefined);
      fs.crash({ kind: 'kill' });
      await makeDurableFolder(fs, PATH);
      fs.crash({ kind: 'power' });
      expect((await fs.stat(PATH)).isDirectory, `killed in operation ${operation}`).to.equal(true);
    }
  });

  it('goes on where a folder far above cannot be read', async () => {
    const fs = new ModelFileSystem();
    await fs.mkdir('/a');
    fs.failNext('syncDirectory', 'EACCES', '/');
    await makeDurableFolder(fs, '/a');
    fs.failNext('syncDirectory', 'EIO', '/');
    let code: unknown;
    await makeDurableFolder(fs, '/a').catch((error: unknown) => (code = (error as { code?: unknown }).code));
    expect(code).to.equal('EIO');
  });
});
