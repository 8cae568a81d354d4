import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import type { TextFoldersSpec } from '../../lib/core/file-sink-spec.js';
import type { Json } from '../../lib/core/json.js';
import { NodeFileSystem } from '../../lib/core/node-file-system.js';
import { batchTime } from '../../lib/core/time.js';
import { makeSinkDriver, makeSinkWriter, skipsEmpty } from '../../lib/sinks/sink-spec.js';
import type { SinkDriver, StagedOutput } from '../../lib/sinks/sink.js';
import { sinkContract, stage } from '../contracts/sink.js';
import { newMemory } from '../contracts/source.js';
import { tempFolder } from '../helpers/temp-folder.js';

const fs = new NodeFileSystem();
const memory = newMemory();
const noRoll = { rollBytes: 1e9, rollMs: 1e9 };

const specOf = (path: string, suffix = ''): TextFoldersSpec => ({ format: 'textFolders', path, suffix });

/** Lines of all whole folders, in order of batch and part. */
function linesAt(parent: string): string[] {
  if (!existsSync(parent)) return [];
  const whole = readdirSync(parent).filter(name => existsSync(join(parent, name, '_SUCCESS')));
  const timeOf = (name: string): number => Number(/-(\d+)/.exec(name)?.[1]);
  return whole
    .toSorted((a, b) => timeOf(a) - timeOf(b))
    .flatMap(name =>
      readdirSync(join(parent, name))
        .filter(part => part.startsWith('part-'))
        .toSorted()
        .flatMap(part =>
          readFileSync(join(parent, name, part), 'utf8')
            .split('\n')
            .slice(0, -1),
        ),
    );
}

describe('TextFoldersSink, contract', () => {
  const folder = tempFolder();
  let numPlaces = 0;
  sinkContract('TextFoldersSink', () => {
    const parent = join(folder.path, `p${numPlaces++}`);
    const spec = specOf(join(parent, 'lines'), 'txt');
    return {
      makeDriver: () => makeSinkDriver(spec, fs, noRoll),
      makeWriter: own => makeSinkWriter(spec, own),
      readRows: async () => linesAt(parent),
      row: n => `line ${n}`,
    };
  });
});

describe('TextFoldersSink', () => {
  const root = tempFolder();
  let folder = '';
  let numFolders = 0;
  beforeEach(() => {
    folder = join(root.path, `f${numFolders++}`);
  });

  const staged = (spec: TextFoldersSpec, ...rows: unknown[]): StagedOutput =>
    stage(makeSinkWriter(spec, memory), memory, rows);

  async function opened(spec: TextFoldersSpec, handle?: Json): Promise<SinkDriver> {
    const driver = makeSinkDriver(spec, fs, noRoll);
    await driver.open(handle);
    return driver;
  }

  const namesIn = (name: string): string[] => readdirSync(join(folder, name)).toSorted();

  it('names folders and parts as Spark does: a part for each task that has rows, and _SUCCESS', async () => {
    for (const [suffix, name] of [
      ['', 'words-7000'],
      ['txt', 'words-7000.txt'],
    ] as const) {
      const spec = specOf(join(folder, 'words'), suffix);
      const driver = await opened(spec);
      await driver.commit(batchTime(7000), [staged(spec, 'a', 'b'), staged(spec), staged(spec, 3, { n: 1 })]);
      expect(namesIn(name)).to.deep.equal(['_SUCCESS', 'part-00000', 'part-00001']);
      expect(readFileSync(join(folder, name, 'part-00000'), 'utf8')).to.equal('a\nb\n');
      expect(readFileSync(join(folder, name, 'part-00001'), 'utf8')).to.equal('3\n{"n":1}\n');
    }
  });

  it('has a folder with _SUCCESS alone for an empty batch, which must be committed', async () => {
    const spec = specOf(join(folder, 'words'));
    const driver = await opened(spec);
    await driver.commit(batchTime(1000), []);
    expect(namesIn('words-1000')).to.deep.equal(['_SUCCESS']);
    expect(skipsEmpty(spec)).to.equal(false);
  });

  it('replaces what a batch left that is committed again, with fewer parts too', async () => {
    const spec = specOf(join(folder, 'words'));
    const first = await opened(spec);
    await first.commit(batchTime(1000), [staged(spec, 'a'), staged(spec, 'b'), staged(spec, 'c')]);
    const again = await opened(spec);
    expect(namesIn('words-1000')).to.deep.equal([]);
    await again.commit(batchTime(1000), [staged(spec, 'a', 'b', 'c')]);
    expect(namesIn('words-1000')).to.deep.equal(['_SUCCESS', 'part-00000']);
    expect(linesAt(folder)).to.deep.equal(['a', 'b', 'c']);
  });

  it('leaves alone what others wrote: folders of another run, and other files in its own', async () => {
    const spec = specOf(join(folder, 'words'));
    const other = await opened(spec);
    for (const time of [500, 9000]) await other.commit(batchTime(time), [staged(spec, `other ${time}`)]);
    const driver = await opened(spec);
    const handle = await driver.commit(batchTime(1000), [staged(spec, 'a')]);
    writeFileSync(join(folder, 'words-1000', 'notes.md'), 'mine');
    await driver.commit(batchTime(2000), [staged(spec, 'lost')]);
    mkdirSync(join(folder, 'words-3000'));
    writeFileSync(join(folder, 'words-3000', '_SUCCESS'), '');
    await opened(spec, handle);
    expect(linesAt(folder)).to.deep.equal(['other 500', 'a', 'other 9000']);
    expect(namesIn('words-1000')).to.deep.equal(['_SUCCESS', 'notes.md', 'part-00000']);
    expect(namesIn('words-2000')).to.deep.equal([]);
    expect(namesIn('words-3000')).to.deep.equal(['_SUCCESS']);
  });

  it('goes on when folders that are committed were moved away, and begins anew under another name', async () => {
    const spec = specOf(join(folder, 'words'));
    const driver = await opened(spec);
    const handle = await driver.commit(batchTime(1000), [staged(spec, 'a')]);
    renameSync(join(folder, 'words-1000'), join(folder, 'taken'));
    const next = await opened(spec, handle);
    expect(await next.commit(batchTime(1000), [staged(spec, 'a')])).to.deep.equal(handle);
    const renamed = specOf(join(folder, 'others'));
    const moved = await opened(renamed, handle);
    await moved.commit(batchTime(1000), [staged(renamed, 'b')]);
    expect(readdirSync(folder).filter(name => !name.startsWith('.'))).to.deep.equal(['others-1000', 'taken']);
  });

  it('has nothing beside its folders once the second batch is committed', async () => {
    const spec = specOf(join(folder, 'words'));
    const driver = await opened(spec);
    await driver.commit(batchTime(1000), [staged(spec, 'a')]);
    await driver.commit(batchTime(2000), [staged(spec, 'b')]);
    expect(readdirSync(folder).toSorted()).to.deep.equal(['words-1000', 'words-2000']);
  });

  it('says which folder could not be written', async () => {
    const spec = specOf(join(folder, 'words'));
    const driver = await opened(spec);
    writeFileSync(join(folder, 'words-1000'), 'a file');
    const error: unknown = await driver.commit(batchTime(1000), [staged(spec, 'a')]).catch((thrown: unknown) => thrown);
    expect(error).to.have.property('code', 'sinkFailed');
    expect(error).to.have.property('message').that.contains('words-1000');
  });
});
