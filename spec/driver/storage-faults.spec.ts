/** Storage that refuses in the middle of a run. Every operation is tried by `npm run test:sweep`, some of them here. */
import { expect } from 'chai';
import type { EngineError } from '../../lib/core/errors.js';
import { crashFiles } from '../helpers/crash-files.js';
import { cleanRun, type CleanRun } from '../helpers/crash-suite.js';
import { CrashWorld, nameOf, type CrashCell } from '../helpers/crash-world.js';
import { checkFault, faultCells, operationsFor, STORAGE_FAULTS } from '../helpers/fault-suite.js';
import type { Fault } from '../helpers/model-file-system.js';
import { pick, randomOf } from '../helpers/random-values.js';

const seed = Number(process.env['SLUICE_SEED'] ?? 1);
const POINTS = 2;

describe(`a run whose storage refuses (seed ${seed})`, () => {
  const files = crashFiles();
  const clean = new Map<CrashCell, CleanRun>();
  before(async () => {
    for (const cell of faultCells()) clean.set(cell, await cleanRun(cell, files.path));
  });

  for (const [i, fault] of STORAGE_FAULTS.entries()) {
    it(`ends with a message that helps, and goes on when it is over: ${fault.code}`, async () => {
      const random = randomOf(seed * 100 + i);
      let numFailed = 0;
      for (const [cell, run] of clean) {
        for (let point = 0; point < POINTS; point++) {
          const from = pick(random, operationsFor(fault, run));
          if ((await checkFault(cell, files.path, run, { ...fault, from })) !== undefined) numFailed++;
        }
      }
      expect(numFailed, 'runs that the fault ended').to.be.above(2);
    });
  }

  const failureUnder = async (name: string, fault: Fault): Promise<EngineError> => {
    const cell = faultCells().find(other => nameOf(other) === name);
    if (cell === undefined) throw new Error(`no cell ${name}`);
    const world = new CrashWorld(cell, files.path);
    world.fs.failWhile(fault);
    return world.run().then(
      () => {
        throw new Error('the run did not fail');
      },
      (error: EngineError) => error,
    );
  };

  // The lock's own write failed, too, when it was to be given back, and that is what the user was told.
  it('says what failed first, not what failed when the run was closed', async () => {
    const fault = { code: 'ENOSPC', operations: ['write'], from: 100, path: '' } as const;
    const failure = await failureUnder('csv > table > json', fault);
    expect(failure.message)
      .to.match(/ENOSPC/)
      .and.not.to.match(/LOCK/);
    expect(failure.exitCode).to.be.oneOf([1, 2]);
  });

  it('tells a state file that cannot be read from one that is missing or damaged', async () => {
    for (const operations of [['open'], ['read']] as const) {
      const fault = { code: 'EIO', operations, path: '.arrow', flags: ['r'] };
      const failure = await failureUnder('queue > update > arrow', fault);
      expect(failure.message).to.match(/state cannot be read from .*\.arrow: EIO|cannot read \/checkpoint: EIO/);
      expect(failure.message).not.to.match(/missing|copy/);
      expect(failure.code).to.equal('checkpointUnwritable');
    }
  });
});
