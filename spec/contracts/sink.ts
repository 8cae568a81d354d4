/**
 * What every sink must do: rows whole and once, whatever happens between a commit and its entry in the log. A fixture
 * gives a place of its own for each case and says what a reader of the output sees there.
 */
import { expect } from 'chai';
import type { Json } from '../../lib/core/json.js';
import { batchTime } from '../../lib/core/time.js';
import { rowChunk } from '../../lib/columnar/chunk.js';
import type { SlotMemory } from '../../lib/columnar/slot-memory.js';
import type { SinkDriver, SinkWriter, StagedOutput } from '../../lib/sinks/sink.js';
import { newMemory } from './source.js';

export interface SinkFixture {
  /** A driver as a new process makes it: of the same output each time. */
  makeDriver(): SinkDriver;
  makeWriter(memory: SlotMemory): SinkWriter;
  /** Rows that the output holds, in order. */
  readRows(): Promise<unknown[]>;
  /** The nth row: a value that `makeWriter` takes and that `readRows` gives back. */
  row(n: number): unknown;
}

/** One task attempt's rows, staged in `memory`. */
export function stage(writer: SinkWriter, memory: SlotMemory, rows: readonly unknown[]): StagedOutput {
  if (rows.length > 0) writer.write(rowChunk(rows));
  const { numRows, blocks } = writer.finish();
  return { numRows, bytes: blocks.map(({ address, byteLength }) => memory.bytes(address, byteLength)) };
}

export function sinkContract(name: string, makeFixture: () => SinkFixture | Promise<SinkFixture>): void {
  describe(`${name} keeps the sink contract`, () => {
    const memory = newMemory();
    let fixture: SinkFixture;
    let numStaged = 0;

    beforeEach(async () => {
      fixture = await makeFixture();
      numStaged = 0;
    });

    /** The next `sizes` rows, staged by as many tasks. */
    const staged = (...sizes: number[]): StagedOutput[] =>
      sizes.map(size => {
        const rows = Array.from({ length: size }, () => fixture.row(numStaged++));
        return stage(fixture.makeWriter(memory), memory, rows);
      });
    const rows = (count: number): unknown[] => Array.from({ length: count }, (_, n) => fixture.row(n));
    const logged = (handle: Json): Json => JSON.parse(JSON.stringify(handle)) as Json;

    async function opened(handle: Json | undefined): Promise<SinkDriver> {
      const driver = fixture.makeDriver();
      await driver.open(handle);
      return driver;
    }

    it('puts out all rows of all batches once, in order of batch and task', async () => {
      const driver = await opened(undefined);
      for (let t = 1; t <= 5; t++) await driver.commit(batchTime(t * 1000), staged(3, 0, 2, 1));
      await driver.close();
      expect(await fixture.readRows()).to.deep.equal(rows(30));
    });

    it('goes on where the last committed batch ended', async () => {
      let handle: Json | undefined;
      for (let t = 1; t <= 5; t++) {
        const driver = await opened(handle);
        handle = logged(await driver.commit(batchTime(t * 1000), staged(2, 1)));
        await driver.close();
      }
      expect(await fixture.readRows()).to.deep.equal(rows(15));
    });

    it('has a batch once whose commit was not logged before the process died', async () => {
      for (const numLogged of [0, 1, 2, 3]) {
        fixture = await makeFixture();
        numStaged = 0;
        let handle: Json | undefined;
        const driver = await opened(undefined);
        for (let t = 1; t <= numLogged; t++) handle = logged(await driver.commit(batchTime(t * 1000), staged(2, 2)));
        const lost = staged(3, 1);
        await driver.commit(batchTime(9000), lost);
        await driver.close();

        for (let attempt = 0; attempt < 3; attempt++) {
          const again = await opened(handle);
          expect(await fixture.readRows(), `after ${numLogged} logged batches`).to.deep.equal(rows(numLogged * 4));
          await again.commit(batchTime(9000), lost);
          await again.close();
        }
        expect(await fixture.readRows()).to.deep.equal(rows(numLogged * 4 + 4));
      }
    });

    it('does nothing when the batch is committed again that was committed last', async () => {
      const driver = await opened(undefined);
      await driver.commit(batchTime(1000), staged(2));
      const handle = await driver.commit(batchTime(2000), staged(2));
      expect(await driver.commit(batchTime(2000), staged(5))).to.deep.equal(handle);
      await driver.close();
      expect(await fixture.readRows()).to.deep.equal(rows(4));
    });

    it('takes back what was committed when it is opened again, and goes on from there', async () => {
      for (const numKept of [0, 1, 2]) {
        fixture = await makeFixture();
        numStaged = 0;
        const driver = await opened(undefined);
        let handle: Json | undefined;
        for (let t = 1; t <= numKept; t++) handle = logged(await driver.commit(batchTime(t * 1000), staged(2, 1)));
        const lost = staged(2);
        await driver.commit(batchTime(3000), lost);
        await driver.open(handle);
        expect(await fixture.readRows(), `after ${numKept} batches`).to.deep.equal(rows(numKept * 3));
        await driver.open(handle);
        await driver.commit(batchTime(4000), lost);
        await driver.close();
        expect(await fixture.readRows()).to.deep.equal(rows(numKept * 3 + 2));
      }
    });

    it('takes a batch that failed before after later ones, once, and keeps those when it is opened again', async () => {
      const driver = await opened(undefined);
      await driver.commit(batchTime(2000), staged(2));
      let handle: Json = logged(await driver.commit(batchTime(3000), staged(2)));
      await driver.close();
      const again = await opened(handle);
      const late = staged(3);
      handle = logged(await again.commit(batchTime(1000), late));
      expect(logged(await again.commit(batchTime(1000), late))).to.deep.equal(handle);
      await again.close();
      const third = await opened(handle);
      // Where they lie is for the sink to say: at the end, or by their time.
      expect(await fixture.readRows()).to.have.deep.members(rows(7));
      await third.commit(batchTime(4000), staged(1));
      await third.close();
      expect(await fixture.readRows()).to.have.deep.members(rows(8));
    });

    it('shows nothing of attempts that were staged and not committed', async () => {
      const driver = await opened(undefined);
      const given = staged(4);
      stage(fixture.makeWriter(memory), memory, [fixture.row(77), fixture.row(78)]);
      expect(await fixture.readRows()).to.deep.equal([]);
      await driver.commit(batchTime(1000), given);
      await driver.close();
      expect(await fixture.readRows()).to.deep.equal(rows(4));
    });

    it('takes empty batches first, in between and last', async () => {
      let handle: Json | undefined;
      for (const [i, sizes] of [[], [0], [2], [0, 0], [1, 0], []].entries()) {
        const driver = await opened(handle);
        handle = logged(await driver.commit(batchTime(i * 1000), staged(...sizes)));
        await driver.close();
      }
      await (await opened(handle)).close();
      expect(await fixture.readRows()).to.deep.equal(rows(3));
    });

    it('takes tens of thousands of rows from one task', async () => {
      const driver = await opened(undefined);
      await driver.commit(batchTime(1000), staged(40_000, 1));
      await driver.close();
      // As text: chai takes half a second to compare so many objects.
      expect(JSON.stringify(await fixture.readRows())).to.equal(JSON.stringify(rows(40_001)));
    });
  });
}
