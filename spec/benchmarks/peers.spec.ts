import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { runCommand } from '../../benchmarks/harness/run-process.js';
import {
  installPeer,
  isInstalled,
  resultsIn,
  runPeer,
  WORKLOADS,
  type Peer,
  type PeerRequest,
  type PeerResult,
} from '../../benchmarks/peers/peer.js';
import { peers } from '../../benchmarks/peers/registry.js';
import { tempFolder } from '../helpers/temp-folder.js';

const RIGHT: PeerResult = {
  ...{ system: 'some', form: 'loop', version: '1', start: 'cold', threads: 1, records: 10 },
  ...{ wallMs: 5, cpuMs: 4, rssMb: 3, ok: true },
};

describe('benchmark peers', () => {
  const folder = tempFolder();
  const before = process.env['SLUICE_BENCH_CACHE'];

  beforeEach(() => {
    process.env['SLUICE_BENCH_CACHE'] = folder.path;
  });
  afterEach(() => {
    if (before === undefined) delete process.env['SLUICE_BENCH_CACHE'];
    else process.env['SLUICE_BENCH_CACHE'] = before;
  });

  const fake = (more: Partial<Peer>): Peer => ({
    ...{ name: 'fake', stamp: '1', workloads: WORKLOADS },
    install: async () => undefined,
    run: async () => [RIGHT],
    ...more,
  });
  const request: PeerRequest = {
    ...{ workload: 'grep', data: '', records: 10, runs: 1 },
    work: join(folder.path, 'work'),
  };
  const failureOf = (work: Promise<unknown>): Promise<unknown> =>
    work.then(
      () => undefined,
      (error: unknown) => error,
    );

  it('are named once each, and say what they can do', () => {
    const names = peers.map(({ name }) => name);
    expect(new Set(names).size).to.equal(names.length);
    for (const { name, workloads } of peers) expect(workloads, name).to.not.have.length(0);
  });

  it('are installed when the installation has come to its end, and again when their version changes', async () => {
    let place = '';
    const failing = fake({
      install: async at => {
        place = at;
        writeFileSync(join(at, 'half'), '');
        throw new Error('no registry');
      },
    });
    expect(await failureOf(installPeer(failing)))
      .to.be.an('error')
      .with.property('message', 'no registry');
    expect(isInstalled(failing)).to.equal(false);
    await installPeer(fake({}));
    expect(isInstalled(fake({}))).to.equal(true);
    expect(existsSync(join(place, 'half')), 'what a failed installation left').to.equal(false);
    expect(isInstalled(fake({ stamp: '2' }))).to.equal(false);
  });

  it('have no figures for wrong answers', async () => {
    expect(await runPeer(fake({}), request)).to.deep.equal([RIGHT]);
    const wrong = fake({ run: async () => [RIGHT, { ...RIGHT, ok: false }] });
    expect(await failureOf(runPeer(wrong, request)))
      .to.be.an('error')
      .with.property('message')
      .that.includes('fake, loop: wrong answer of grep');
  });

  it('print results among other lines', () => {
    expect(resultsIn(`WARN something\n${JSON.stringify(RIGHT)}\n{"other": 1}\n`)).to.deep.equal([RIGHT]);
    expect(() => resultsIn('Killed\n')).to.throw('no result in what the peer printed:\nKilled');
  });

  it('are told with what they said when they fail', async () => {
    const script = 'console.log("to out"); console.error("to err"); process.exit(3)';
    const failure = await failureOf(runCommand(process.execPath, ['-e', script]));
    expect(failure)
      .to.be.an('error')
      .with.property('message')
      .that.matches(/ended with 3:\nto out\n\nto err/);
    const missing = await failureOf(runCommand('no-such-command-here', []));
    expect(missing).to.be.an('error').with.property('code', 'ENOENT');
  });
});
