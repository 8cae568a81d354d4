import { expect } from 'chai';
import { text } from '../../lib/core/format.js';
import { FileSourceDriver } from '../../lib/sources/file-source-driver.js';
import { FileSourceReader } from '../../lib/sources/file-source-reader.js';
import { NODE_FILES, type InputFiles } from '../../lib/sources/input-files.js';
import { newMemory, planAll, readRange } from '../contracts/source.js';
import { tempFolder } from '../helpers/temp-folder.js';

const memory = newMemory();

describe('PieceInput', () => {
  const folder = tempFolder();

  // Node names no file where reading fails: the user was told of an EIO, and not of which file.
  it('names file and byte where the disk does not give what was planned', async () => {
    const path = folder.file('a.txt', 'one\ntwo\n', 1_000_000);
    const driver = new FileSourceDriver({
      path,
      format: text(),
      settleMs: 0,
      onWarning: () => undefined,
      now: () => 0,
    });
    await driver.start(undefined);
    const [range = null] = (await planAll(driver, { drain: true })).flat();
    const refuse = (code: string) => (): never => {
      throw Object.assign(new Error(`${code}: refused`), { code });
    };
    const broken: Partial<InputFiles>[] = [{ readSync: refuse('EIO') }, { openSync: refuse('EMFILE') }];
    for (const methods of broken) {
      const files = { ...NODE_FILES, ...methods } as InputFiles;
      const reader = new FileSourceReader({ source: 'files', path, format: text(), files });
      const failure: unknown = await readRange(reader, range, memory).catch((error: unknown) => error);
      expect(failure).to.have.property('code', 'sourceFailed');
      expect(failure)
        .to.have.property('message')
        .that.matches(/a\.txt cannot be read at byte 0: E\w+: refused; .* start again/);
    }
  });
});
