import { expect } from 'chai';
import { makeFolder } from '../../lib/core/make-folder.js';
import { ModelFileSystem } from '../helpers/model-file-system.js';

const made = async (fs: ModelFileSystem): Promise<boolean> => {
  try {
    return (await fs.stat('/a/b/c')).isDirectory;
  } catch {
    return false;
  }
};

describe('makeFolder', () => {
  it('makes all that is missing, so that a loss of power takes nothing away', async () => {
    const fs = new ModelFileSystem();
    await makeFolder(fs, '/a/b/c');
    fs.crash();
    expect(await made(fs)).to.equal(true);
  });

  // An earlier run had made the folder and died before its sync; the next one found it there, wrote its output into it,
  // synced that, and lost all of it with the folder's name.
  it('makes names durable that a killed run left, wherever it was killed', async () => {
    for (let operation = 0; ; operation++) {
      const fs = new ModelFileSystem();
      fs.downAt(operation);
      const ended = await makeFolder(fs, '/a/b/c').then(
        () => true,
        () => false,
      );
      fs.crash({ kind: 'kill' });
      await makeFolder(fs, '/a/b/c');
      fs.crash();
      expect(await made(fs), `killed in operation ${operation}`).to.equal(true);
      if (ended) return;
    }
  });

  it('goes without the sync of a directory above that this user may not read', async () => {
    const fs = new ModelFileSystem();
    await makeFolder(fs, '/a/b');
    fs.failWhile({ code: 'EACCES', operations: ['syncDirectory'] });
    await makeFolder(fs, '/a/b');
  });

  it('fails where the disk does', async () => {
    const fs = new ModelFileSystem();
    fs.failWhile({ code: 'EIO', operations: ['syncDirectory'] });
    const failure = await makeFolder(fs, '/a').catch((error: unknown) => error);
    expect(failure).to.have.property('code', 'EIO');
  });
});
