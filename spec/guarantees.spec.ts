/** The table of guarantees in lib/README.md: whatever it says is proved by a spec that is there. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';

const root = join(import.meta.dirname, '..');
const text = readFileSync(join(root, 'lib', 'README.md'), 'utf8');
const section = text.slice(text.indexOf('\n## Guarantees\n') + 1).split('\n## ')[0] ?? '';
const rows = section.split('\n').filter(line => line.startsWith('| ') && !line.includes('| proved by |'));

describe('the guarantees in lib/README.md', () => {
  it('are a row for each source and output of the public API', () => {
    const named = rows.map(row => row.split(' | ')[0] ?? '').join(' ');
    const api = ['dstream.ts', 'stream-outputs.ts', 'streaming-context.ts'].map(name =>
      readFileSync(join(root, 'lib', 'api', name), 'utf8'),
    );
    const methods = api.flatMap(source => [...source.matchAll(/^ {2}(saveAs\w+|foreachRDD|print|\w+Stream)[(<]/gm)]);
    const missing = methods.map(match => String(match[1])).filter(name => !named.includes(name));
    // A receiver of one's own is named by how it stores; these four read what others made.
    expect([...new Set(missing)].toSorted()).to.deep.equal(['receiverStream']);
  });

  for (const row of rows) {
    const what = row.slice(2, row.indexOf(' | '));
    it(`name the specs that prove them: ${what}`, () => {
      const files = [...row.matchAll(/\]\(\.\.\/(spec\/[^)]+)\)/g)].map(match => String(match[1]));
      expect(files).not.to.deep.equal([]);
      expect(files.filter(file => !existsSync(join(root, file)))).to.deep.equal([]);
    });
  }
});
