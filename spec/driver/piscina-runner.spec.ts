import { expect } from 'chai';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { PiscinaRunnerOptions } from '../../lib/driver/piscina-runner.js';
import { PiscinaRunner } from '../../lib/driver/piscina-runner.js';
import type { WorkerReply } from '../../lib/protocol/messages.js';
import type { Command } from '../helpers/fixture-worker.js';
import type { FixtureWorker } from '../helpers/runner-fixture.js';
import { ATTACH, buildFixtureWorker, command, makeInit, said } from '../helpers/runner-fixture.js';

describe('PiscinaRunner', () => {
  let fixture: FixtureWorker;
  let runners: PiscinaRunner[] = [];
  let lines: string[] = [];

  before(async () => {
    fixture = await buildFixtureWorker();
  });
  after(() => fixture.remove());
  afterEach(async () => {
    await Promise.all(runners.map(runner => runner.stop()));
    runners = [];
    lines = [];
    // Ports take some turns of the event loop to close. mocha's own timer is the one that may be there.
    const handles = (): string[] => process.getActiveResourcesInfo().filter(name => /Port|Worker|Timeout/.test(name));
    for (let turn = 0; turn < 100 && handles().length > 1; turn++) await new Promise(resolve => setImmediate(resolve));
    expect(handles()).to.deep.equal(['Timeout']);
  });

  function start(options: Partial<PiscinaRunnerOptions> = {}): PiscinaRunner {
    const runner = new PiscinaRunner({
      numSlots: 1,
      limitBytes: 1 << 20,
      workerFile: fixture.workerFile,
      makeInit,
      execArgv: [],
      log: line => lines.push(line),
      ...options,
    });
    runners.push(runner);
    return runner;
  }

  const ask = (runner: PiscinaRunner, what: Command, timeoutMs = 0, slot = 0): Promise<WorkerReply> =>
    runner.submit(slot, command(what), timeoutMs);

  /** The slot works again: refuses what is not attach, then answers from a thread that was asked nothing else. */
  async function expectReplaced(runner: PiscinaRunner): Promise<void> {
    expect(said(await ask(runner, { do: 'count' })), 'before attach').to.equal('workerLost');
    expect(said(await runner.submit(0, ATTACH, 0)), 'attach').to.equal('done');
    expect(said(await ask(runner, { do: 'count' })), 'after attach').to.equal(2);
  }

  const messageOf = (reply: WorkerReply): string => {
    if (reply.ok || reply.failure.kind !== 'workerLost') throw new Error(`not lost: ${JSON.stringify(reply)}`);
    return reply.failure.message;
  };

  it('answers the requests of a slot in order', async () => {
    const runner = start();
    const asked = Array.from({ length: 50 }, (_, value) => ask(runner, { do: 'echo', value }));
    expect((await Promise.all(asked)).map(said)).to.deep.equal(asked.map((_, i) => i));
  });

  it('runs one request of a slot at a time', async () => {
    const runner = start();
    const replies = await Promise.all([1, 2, 3].map(() => ask(runner, { do: 'overlap' })));
    expect(replies.map(said)).to.deep.equal([1, 1, 1]);
  });

  it('runs slots beside one another', async () => {
    const runner = start({ numSlots: 2 });
    const stuck = ask(runner, { do: 'never' }, 0, 0);
    expect(said(await ask(runner, { do: 'echo', value: 7 }, 0, 1))).to.equal(7);
    await runner.stop();
    expect(said(await stuck)).to.equal('cancelled');
  });

  it('keeps the memory of a slot when its thread dies', async () => {
    const runner = start();
    await ask(runner, { do: 'write', address: 4096, value: 77 });
    await ask(runner, { do: 'exit' });
    expect(new Int32Array(runner.memories[0].buffer)[1024]).to.equal(77);
    await expectReplaced(runner);
  });

  it('answers userError when the handler throws, and keeps the thread', async () => {
    const runner = start();
    const reply = await ask(runner, { do: 'throw' });
    expect(reply).to.have.nested.property('failure.message', 'TypeError: no such field');
    expect(reply)
      .to.have.nested.property('failure.stack')
      .that.matches(/fixture-worker\.mjs:\d+:\d+/);
    expect(said(await ask(runner, { do: 'count' }))).to.equal(2);
  });

  it('answers what a handler that cannot be made threw, and tries again with the next request', async () => {
    const runner = start({ makeInit: (slot, memories) => makeInit(slot, memories, 'broken') });
    expect(await runner.submit(0, ATTACH, 0)).to.have.nested.property('failure.message', 'the job does not build');
    expect(said(await runner.submit(0, ATTACH, 0))).to.equal('userError');
    expect(lines).to.deep.equal([]);
  });

  const deaths: [string, Command, RegExp][] = [
    ['process.exit', { do: 'exit' }, /exited with code 3: process\.exit was called at .*fixture-worker\.mjs:\d+:\d+/],
    ['an uncaught error', { do: 'uncaught' }, /RangeError: from a timer at .*fixture-worker\.mjs:\d+:\d+/],
    ['an uncaught null', { do: 'uncaughtNull' }, /threw null/],
    ['an unhandled rejection', { do: 'rejection' }, /nobody listens/],
    ['a full JavaScript heap', { do: 'outOfMemory' }, /heap reached the limit of 24 MB/],
    [
      'an answer that cannot be copied',
      { do: 'functionReply' },
      /answer cannot be copied to the driver: .*could not be cloned/,
    ],
  ];
  for (const [what, fatal, message] of deaths) {
    it(`answers workerLost after ${what}, and to everything behind it, and starts a new thread`, async () => {
      const runner = start({ maxHeapMb: 24 });
      await runner.submit(0, ATTACH, 0);
      const replies = await Promise.all([
        ask(runner, fatal),
        ask(runner, { do: 'count' }),
        runner.submit(0, ATTACH, 0),
      ]);
      expect(replies.map(said)).to.deep.equal(['workerLost', 'workerLost', 'workerLost']);
      for (const reply of replies) expect(messageOf(reply)).to.match(message);
      expect(lines).to.have.length(1);
      expect(lines[0]).to.match(message);
      await expectReplaced(runner);
    });
  }

  for (const hang of ['loop', 'never'] as const) {
    it(`ends a request that hangs (${hang}) after its time with its thread, and answers timeout`, async () => {
      const runner = start();
      await runner.submit(0, ATTACH, 0);
      const behind = [ask(runner, { do: hang }, 20), ask(runner, { do: 'count' })];
      const [reply, next] = await Promise.all(behind);
      expect(reply).to.deep.equal({ ok: false, failure: { kind: 'timeout', timeoutMs: 20 } });
      expect(messageOf(next)).to.equal('a request before took longer than 20 ms');
      await expectReplaced(runner);
    });
  }

  it('counts the time of a request from when it starts to run', async () => {
    const runner = start();
    const replies = await Promise.all([
      ask(runner, { do: 'busy', ms: 150 }),
      ask(runner, { do: 'echo', value: 5 }, 100),
    ]);
    expect(replies.map(said)).to.deep.equal([0, 5]);
  });

  it('does not wait for a thread that is stuck in a system call, and starts none beside it', async () => {
    const runner = start({ endGraceMs: 20 });
    await runner.submit(0, ATTACH, 0);
    const thenTouch = join(fixture.folder, 'left-the-system-call');
    expect(said(await ask(runner, { do: 'syscall', seconds: 0.4, thenTouch }, 20))).to.equal('timeout');
    expect(existsSync(thenTouch), 'when it was answered').to.equal(false);
    expect(said(await runner.submit(0, ATTACH, 0))).to.equal('done');
    expect(existsSync(thenTouch), 'when the next thread answered').to.equal(true);
    expect(said(await ask(runner, { do: 'count' }))).to.equal(2);
  });

  it('refuses a request that cannot be copied, and goes on', async () => {
    const runner = start();
    const request = { ...ATTACH, blocks: [(() => 1) as never] };
    const reply = await runner.submit(0, request, 0);
    expect(reply).to.have.nested.property('failure.code', 'internal');
    expect(reply)
      .to.have.nested.property('failure.message')
      .that.matches(/'attach' request cannot be copied to the worker of slot 0/);
    expect(said(await ask(runner, { do: 'echo', value: 1 }))).to.equal(1);
  });

  it('notices a thread that dies between requests, and warns of it', async () => {
    const warnings: string[] = [];
    const runner = start({ warn: line => warnings.push(line) });
    await runner.submit(0, ATTACH, 0);
    await ask(runner, { do: 'count' });
    await runner.terminateSlot(0);
    expect(warnings).to.deep.equal(['slot 0: the worker thread was lost between two requests: it was terminated']);
    await expectReplaced(runner);
  });

  it('takes no answer of a thread for one of another, whichever dies when', async () => {
    const runner = start();
    for (let value = 0; value < 5; value++) {
      const replies = await Promise.all([
        runner.submit(0, ATTACH, 0),
        ask(runner, { do: 'echoThenExit' }),
        ask(runner, { do: 'never' }),
        ask(runner, { do: 'echo', value: 100 }),
      ]);
      const [attached, echoed, ...rest] = replies.map(said);
      expect([attached, ...rest]).to.deep.equal(['done', 'workerLost', 'workerLost']);
      // An answer on its way when the thread exits may be lost with it.
      expect(echoed).to.be.oneOf([1, 'workerLost']);
    }
  });

  it('answers workerLost when the worker file cannot be loaded, and starts no threads in a loop', async () => {
    const runner = start({ workerFile: fixture.brokenFile });
    expect(messageOf(await runner.submit(0, ATTACH, 0))).to.match(/cannot be loaded at .*broken\.mjs:1/);
    expect(messageOf(await runner.submit(0, ATTACH, 0))).to.match(/cannot be loaded/);
    expect(lines).to.have.length(2);
  });

  /** Turns of the event loop until the spares have loaded what they need. */
  async function sparesReady(runner: PiscinaRunner, count: number): Promise<void> {
    const giveUpMs = performance.now() + 15_000;
    while (runner.numSparesReady < count) {
      if (performance.now() > giveUpMs) throw new Error(`${runner.numSparesReady} of ${count} spares are ready`);
      await new Promise(resolve => setImmediate(resolve));
    }
  }

  it('gives a slot that loses its thread one that waits with all loaded, and starts the next', async () => {
    const runner = start({ numSlots: 2, numSpares: 1, spareDelayMs: 0 });
    for (const slot of [0, 1]) await runner.submit(slot, ATTACH, 0);
    expect(runner.numSparesReady, 'before anything was done').to.equal(0);
    await ask(runner, { do: 'count' });
    for (const slot of [1, 0, 1]) {
      await sparesReady(runner, 1);
      expect(said(await ask(runner, { do: 'exit' }, 0, slot))).to.equal('workerLost');
      expect(runner.numSparesReady, 'when the loss is told').to.equal(0);
      expect(said(await runner.submit(slot, ATTACH, 0))).to.equal('done');
      expect(said(await ask(runner, { do: 'warmed' }, 0, slot))).to.equal(1);
      expect(said(await ask(runner, { do: 'slot' }, 0, slot))).to.equal(slot);
    }
  });

  it('starts threads where more are lost at once than wait', async () => {
    const runner = start({ numSlots: 3, numSpares: 1, spareDelayMs: 0 });
    for (const slot of [0, 1, 2]) await runner.submit(slot, ATTACH, 0);
    await ask(runner, { do: 'count' });
    await sparesReady(runner, 1);
    const all = [0, 1, 2].map(slot => ask(runner, { do: 'exit' }, 0, slot));
    expect((await Promise.all(all)).map(said)).to.deep.equal(['workerLost', 'workerLost', 'workerLost']);
    for (const slot of [0, 1, 2]) expect(said(await runner.submit(slot, ATTACH, 0))).to.equal('done');
    const warmed = await Promise.all([0, 1, 2].map(slot => ask(runner, { do: 'warmed' }, 0, slot)));
    expect(warmed.map(said)).to.include(1);
    expect((await Promise.all([0, 1, 2].map(slot => ask(runner, { do: 'slot' }, 0, slot)))).map(said)).to.deep.equal([
      0, 1, 2,
    ]);
  });

  it('goes on without a spare that dies while it loads, and starts none in a loop', async () => {
    let numInits = 0;
    const makeDeadly: typeof makeInit = (slot, memories) => makeInit(slot, memories, ++numInits === 2 ? 'deadly' : 'f');
    const runner = start({ numSpares: 1, spareDelayMs: 0, makeInit: makeDeadly });
    await runner.submit(0, ATTACH, 0);
    await ask(runner, { do: 'count' });
    for (let turn = 0; numInits < 2 && turn < 100_000; turn++) await new Promise(resolve => setImmediate(resolve));
    await ask(runner, { do: 'busy', ms: 100 });
    expect(numInits, 'threads that were started').to.equal(2);
    await ask(runner, { do: 'exit' });
    await expectReplaced(runner);
  });

  it('waits between two starts once some threads in a row died, and no longer when one has worked', async () => {
    const runner = start();
    for (let loss = 1; loss <= 5; loss++) {
      expect(said(await runner.submit(0, ATTACH, 0))).to.equal('done');
      expect(said(await ask(runner, { do: 'exit' }))).to.equal('workerLost');
    }
    const waits = (): number => process.getActiveResourcesInfo().filter(name => name === 'Timeout').length - 1;
    expect(waits(), 'after five losses').to.equal(1);
    expect(said(await runner.submit(0, ATTACH, 0))).to.equal('done');
    expect(said(await ask(runner, { do: 'count' }))).to.equal(2);
    await ask(runner, { do: 'exit' });
    expect(waits(), 'after one that had worked').to.equal(0);
    await expectReplaced(runner);
  });

  it('answers cancelled to everything when it is stopped, and after', async () => {
    const runner = start({ numSlots: 2 });
    const asked = [ask(runner, { do: 'loop' }), ask(runner, { do: 'echo', value: 1 }), runner.submit(1, ATTACH, 0)];
    await runner.stop();
    asked.push(ask(runner, { do: 'echo', value: 2 }));
    expect((await Promise.all(asked)).map(said)).to.deep.equal(['cancelled', 'cancelled', 'cancelled', 'cancelled']);
  });

  it('passes what user code prints to the process', async () => {
    const runner = start();
    const write = process.stdout.write;
    let seen = '';
    const printed = new Promise<void>(resolve => {
      process.stdout.write = (chunk: string | Uint8Array) => {
        seen += Buffer.from(chunk as Uint8Array).toString();
        if (seen.includes('from a closure')) resolve();
        return true;
      };
    });
    try {
      await Promise.all([printed, ask(runner, { do: 'print', text: 'from a closure' })]);
    } finally {
      process.stdout.write = write;
    }
    expect(seen).to.equal('from a closure\n');
  });
});
