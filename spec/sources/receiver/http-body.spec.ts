import type { IncomingMessage } from 'node:http';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect } from 'chai';
import { BodyBudget, readBody } from '../../../lib/sources/receiver/http-body.js';
import { LineSplitter } from '../../../lib/sources/receiver/line-splitter.js';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

/** A request whose body comes in these pieces. */
const requestOf = (pieces: Iterable<Buffer> | AsyncIterable<Buffer>, complete = true): IncomingMessage =>
  ({ headers: {}, complete, iterator: () => pieces }) as unknown as IncomingMessage;

/** What happens to the first of many pieces while the others come: a list of pieces would hold it. */
async function* watched(onLast: (isFirstHeld: boolean) => void): AsyncGenerator<Buffer> {
  let first: Buffer | undefined = Buffer.allocUnsafeSlow(1).fill('x');
  const held = new WeakRef(first.buffer);
  yield first;
  first = undefined;
  for (let i = 0; i < 1000; i++) yield Buffer.allocUnsafeSlow(1).fill('x');
  // What was looked at in this turn stays until it ends.
  await new Promise(resolve => setImmediate(resolve));
  collect();
  onLast(held.deref() !== undefined);
  yield Buffer.from('\n');
}

describe('readBody', () => {
  it('puts the pieces together', async () => {
    const body = await readBody(requestOf([Buffer.from('ab'), Buffer.from('c')]), 3, new BodyBudget(3));
    expect(String(body)).to.equal('abc');
  });

  it('holds the bytes that came, not the pieces in which they came', async () => {
    let isHeld: boolean | undefined;
    const body = await readBody(requestOf(watched(held => (isHeld = held))), 4000, new BodyBudget(4000));
    expect(String(body)).to.equal(`${'x'.repeat(1001)}\n`);
    expect(isHeld).to.equal(false);
  });

  it('takes what it holds from the budget, and gives it back however it ends', async () => {
    const budget = new BodyBudget(2000);
    const piece = Buffer.alloc(1000);
    expect(await readBody(requestOf([piece, piece, piece]), 5000, budget)).to.equal('tooMany');
    expect(await readBody(requestOf([piece, piece]), 1500, budget)).to.equal('tooLarge');
    expect(await readBody(requestOf([piece], false), 2000, budget)).to.equal('gone');
    const failing = (async function* () {
      yield piece;
      throw new Error('aborted');
    })();
    expect(await readBody(requestOf(failing), 2000, budget)).to.equal('gone');
    expect(await readBody(requestOf([piece, piece]), 2000, budget)).to.have.length(2000);
    expect(budget.reserve(2000)).to.equal(true);
  });

  it('refuses a length that was announced, before anything came', async () => {
    const request = { headers: { 'content-length': '4' }, iterator: () => expect.fail('it was read') };
    expect(await readBody(request as unknown as IncomingMessage, 3, new BodyBudget(10))).to.equal('tooLarge');
  });
});

describe('LineSplitter', () => {
  it('holds the bytes of a line that has begun, not the packets in which they came', async () => {
    const splitter = new LineSplitter('utf8', 4000, () => expect.fail('too long'));
    let isHeld: boolean | undefined;
    const lines: string[] = [];
    for await (const piece of watched(held => (isHeld = held))) lines.push(...splitter.push(piece));
    expect(lines).to.deep.equal(['x'.repeat(1001)]);
    expect(isHeld).to.equal(false);
  });
});
