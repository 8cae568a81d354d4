/** Files that a later version of Sluice wrote: each is refused by its name, with what to do, and nothing is changed. */
import { crc32 } from 'node:zlib';
import { expect } from 'chai';
import { encodeCheckedJson } from '../../lib/checkpoint/checked-json.js';
import type { Json } from '../../lib/core/json.js';
import { EngineError } from '../../lib/core/errors.js';
import { loadArrow } from '../../lib/columnar/arrow.js';
import { applyIpc, stateSchema } from '../../lib/state/state-ipc.js';
import { newMemory } from '../columnar/key-fixture.js';
import { loadFixture, versions } from '../fixtures/checkpoints/fixture-files.js';
import { FixtureRun, NUM_COMMITTED } from '../fixtures/checkpoints/fixture-job.js';
import type { ModelFileSystem } from '../helpers/model-file-system.js';
import { newTable } from '../state/state-fixture.js';

const NEWER = 99;

/** Changes the version in a header of `headerBytes` bytes that ends in its own crc32. */
const inHeader =
  (headerBytes: number) =>
  (bytes: Buffer): Buffer => {
    bytes.writeUInt32LE(NEWER, 4);
    bytes.writeUInt32LE(crc32(bytes.subarray(0, headerBytes - 4)), headerBytes - 4);
    return bytes;
  };

const inJson =
  (change: (content: { [name: string]: Json }) => { [name: string]: Json }, version?: number) =>
  (bytes: Buffer): Buffer => {
    const text = bytes.toString();
    const content = JSON.parse(text.slice(0, text.lastIndexOf('crc32'))) as { [name: string]: Json };
    const { format, version: written, ...rest } = content;
    return Buffer.from(encodeCheckedJson(String(format), change(rest), version ?? Number(written)));
  };

const same = <T>(content: T): T => content;

const FILES: readonly [what: string, path: RegExp, change: (bytes: Buffer) => Buffer][] = [
  ['manifest', /\/MANIFEST$/, inJson(same, NEWER)],
  [
    'run record',
    /\/MANIFEST$/,
    inJson(content => ({ ...content, run: { version: NEWER, jobFile: null, cwd: '/', args: {}, options: {} } })),
  ],
  ['lock', /\/LOCK\.\d+$/, inJson(same, NEWER)],
  ['log segment', /\/log\/000004\.wal$/, inHeader(64)],
  ['receiver log', /\/receivers\/hand\/000001\.blocks$/, inHeader(32)],
  [
    'static table',
    /\/tables\/users\/000002\.table$/,
    bytes => {
      bytes.writeUInt32LE(NEWER, 4);
      return bytes;
    },
  ],
  [
    'marker of an output',
    /window-1700000007000\.txt\/_SUCCESS$/,
    () => Buffer.from(`sluice version ${NEWER} since 1\n`),
  ],
];

const newest =
  versions()
    .toSorted((a, b) => Number(a.slice(1)) - Number(b.slice(1)))
    .at(-1) ?? '';

async function refusalOf(fs: ModelFileSystem): Promise<EngineError> {
  const error: unknown = await new FixtureRun(fs, NUM_COMMITTED + 1).start().then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).to.be.instanceOf(EngineError);
  return error as EngineError;
}

describe('a file of a newer format', () => {
  before(loadArrow);

  for (const [what, pattern, change] of FILES) {
    it(`is refused by its name: ${what}`, async () => {
      const fs = await loadFixture(newest);
      const path = fs.paths().find(name => pattern.test(name)) ?? '';
      // The folder of the last batch is looked into when an output begins where the one before it ended.
      const later = path.replace('1700000007000', '1700000009000');
      if (later !== path) await fs.mkdir(later.slice(0, later.lastIndexOf('/')));
      fs.replace(later, change(Buffer.from(fs.bytesOf(path))));
      const { code, message } = await refusalOf(fs);
      expect(code, message).to.equal('checkpointForeign');
      expect(message)
        .to.contain(later)
        .and.to.match(/is of format version 99, this version of Sluice reads .*use the version/);
    });
  }

  it('is refused where it is a snapshot of the state', async () => {
    const arrow = await import('apache-arrow');
    const schema = new arrow.Schema(stateSchema('variable').fields, new Map([['sluice-state-version', String(NEWER)]]));
    const bytes = arrow.tableToIPC(new arrow.Table(schema), 'file');
    expect(() => applyIpc(newTable(newMemory()), bytes, 'variable'))
      .to.throw(EngineError, /a snapshot of the state is of format version 99/)
      .with.property('code', 'checkpointForeign');
  });
});
