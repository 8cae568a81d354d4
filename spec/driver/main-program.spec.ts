import { symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Worker } from 'node:worker_threads';
import { expect } from 'chai';
import { isMain, startLoading } from '../../lib/driver/main-program.js';
import { tempFolder } from '../helpers/temp-folder.js';

describe('isMain', () => {
  const temp = tempFolder();
  const script = String(process.argv[1]);
  const url = pathToFileURL(script);

  it('is so for the program that was started, by whatever name, and for no other file', () => {
    expect(isMain(url)).to.equal(true);
    expect(isMain(url.href)).to.equal(true);
    expect(isMain(import.meta.url)).to.equal(false);
    expect(isMain('file:///there/is/no/such.ts')).to.equal(false);
    const link = join(temp.path, 'link.js');
    symlinkSync(script, link);
    expect(isMain(pathToFileURL(link))).to.equal(true);
  });

  it('is not so while that file is loaded as a job, however often', () => {
    const ends = [startLoading(script), startLoading(script)];
    expect(isMain(url)).to.equal(false);
    ends[0]?.();
    expect(isMain(url)).to.equal(false);
    ends[1]?.();
    expect(isMain(url)).to.equal(true);
  });

  it('is not so in a worker', async () => {
    const index = pathToFileURL(join(import.meta.dirname, '..', '..', 'dist', 'index.js')).href;
    const file = temp.file(
      'worker.mjs',
      `import { parentPort } from 'node:worker_threads';
       import { isMain } from '${index}';
       process.argv[1] = new URL(import.meta.url).pathname;
       parentPort.postMessage(isMain(import.meta.url));`,
    );
    const answer = await new Promise((resolve, reject) =>
      new Worker(file).once('message', resolve).once('error', reject),
    );
    expect(answer).to.equal(false);
  });
});
