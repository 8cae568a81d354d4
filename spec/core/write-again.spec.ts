import { expect } from 'chai';
import { writeAgain } from '../../lib/core/write-again.js';
import { ModelFileSystem } from '../helpers/model-file-system.js';

describe('writeAgain', () => {
  it('makes durable what a failed sync has the system take for written', async () => {
    for (const cure of ['sync', 'writeAgain']) {
      const fs = new ModelFileSystem();
      const file = await fs.open('/f', 'wx');
      await fs.syncDirectory('/');
      const lift = fs.failWhile({ code: 'EIO', operations: ['sync'], forgetsWrites: true });
      await file.write([Buffer.from('head and tail')], 0);
      await file.sync().catch(() => undefined);
      lift();
      if (cure === 'sync') await file.sync();
      else await writeAgain(fs, '/f', 5, 13);
      fs.crash();
      expect(Buffer.from(fs.bytesOf('/f')).toString(), cure).to.equal(cure === 'sync' ? '' : 'head and tail');
    }
  });

  it('takes an empty part, and one that reaches beyond the end', async () => {
    const fs = new ModelFileSystem();
    await fs.writeFileAtomic('/f', Buffer.from('abc'));
    await writeAgain(fs, '/f', 3, 3);
    await writeAgain(fs, '/f', 1, 9);
    expect(Buffer.from(fs.bytesOf('/f')).toString()).to.equal('abc');
  });
});
