import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { watchSize } from '../../benchmarks/harness/seen.js';
import { tempFolder } from '../helpers/temp-folder.js';

describe('watchSize', () => {
  const folder = tempFolder();

  it('says when each byte was there, also of a file that came later, and nothing of bytes that did not come', () => {
    const path = join(folder.path, 'grows.csv');
    const seen = watchSize(path);
    const before = Date.now();
    appendFileSync(path, 'abc');
    seen.stop();
    const after = Date.now();
    for (const byte of [0, 2]) expect(seen.seenMs(byte)).to.be.within(before, after);
    expect(seen.seenMs(3)).to.equal(undefined);
  });
});
