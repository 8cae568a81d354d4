import { expect } from 'chai';
import { fileURLToPath } from 'node:url';
import { EngineError } from '../../lib/core/errors.js';
import { describeThrown, failureOf, firstUserFrame } from '../../lib/executor/failure-of.js';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

const STACK = [
  'TypeError: x is not a function',
  `    at runStage (${ROOT}lib/executor/run-task.ts:10:3)`,
  '    at Array.map (<anonymous>)',
  '    at node:internal/process/task_queues:95:5',
  '    at parse (/data/node_modules/some-parser/index.js:4:2)',
  '    at async toEvent (file:///data/my%20jobs/count.ts:12:7)',
  '    at /data/jobs (old)/other.ts:1:1',
  `    at serve (${ROOT}dist/worker.js:1:900)`,
  '    at process.processTicksAndRejections (node:internal/process/task_queues:95:5)',
].join('\n');

function withStack(stack: string): Error {
  const error = new TypeError('x is not a function');
  error.stack = stack;
  return error;
}

describe('failureOf', () => {
  it('keeps code, message and detail of an engine error', () => {
    const failure = failureOf(new EngineError('memoryLimit', 'slot 1 needs more', { detail: { slot: 1 } }));
    expect(failure).to.deep.equal({
      kind: 'engineError',
      code: 'memoryLimit',
      message: 'slot 1 needs more',
      detail: '{"slot":1}',
    });
  });

  it('knows an engine error of another copy of the package by its shape', () => {
    const foreign = Object.assign(new Error('gone'), {
      name: 'EngineError',
      code: 'inputChanged',
      detail: { file: 'a' },
    });
    expect(failureOf(foreign)).to.deep.include({ kind: 'engineError', code: 'inputChanged', detail: '{"file":"a"}' });
    const pretender = Object.assign(new Error('gone'), { name: 'EngineError', code: 'toString' });
    expect(failureOf(pretender)).to.include({ kind: 'userError' });
  });

  it('leaves frames of Sluice and of Node out, so that user code comes first', () => {
    const failure = failureOf(withStack(STACK));
    expect(failure).to.have.property('message', 'TypeError: x is not a function');
    expect(failure)
      .to.have.property('stack')
      .that.equals(
        [
          '    at Array.map (<anonymous>)',
          '    at parse (/data/node_modules/some-parser/index.js:4:2)',
          '    at async toEvent (file:///data/my%20jobs/count.ts:12:7)',
          '    at /data/jobs (old)/other.ts:1:1',
        ].join('\n'),
      );
  });

  it('names the real line of a function that threw', () => {
    let failure;
    try {
      (undefined as unknown as { x: () => void }).x();
    } catch (error) {
      failure = failureOf(error, 'map_3');
    }
    expect(failure).to.include({ kind: 'userError', node: 'map_3' });
    const stack = (failure as { readonly stack: string }).stack;
    expect(firstUserFrame(stack)?.file).to.equal(fileURLToPath(import.meta.url));
  });

  it("keeps the whole stack when nothing of it is the user's", () => {
    const stack = `    at runStage (${ROOT}lib/executor/run-task.ts:10:3)\n    at node:internal/x:1:1`;
    expect(failureOf(withStack(`Error: x\n${stack}`))).to.have.property('stack', stack);
  });

  it('adds causes, three deep at the most, also when they go round', () => {
    const error = withStack('Error: outer\n    at f (/a/b.ts:1:1)');
    const cause = withStack('Error: inner\n    at g (/a/c.ts:2:2)');
    Object.assign(error, { cause });
    Object.assign(cause, { cause: error });
    const lines = (failureOf(error) as { readonly stack: string }).stack.split('\n');
    expect(lines.slice(0, 3)).to.deep.equal([
      '    at f (/a/b.ts:1:1)',
      '  caused by TypeError: x is not a function',
      '    at g (/a/c.ts:2:2)',
    ]);
    expect(lines).to.have.length(7);
  });

  const revoked = Proxy.revocable({}, {});
  revoked.revoke();
  const throwing = {
    get message(): string {
      throw new Error('from a getter');
    },
  };
  const odd: [string, unknown, RegExp][] = [
    ['null', null, /^threw null, which is not an Error$/],
    ['undefined', undefined, /^threw undefined/],
    ['a string', 'no\x1b[31m', /^threw 'no\\x1B\[31m'/],
    ['a symbol', Symbol('s'), /Symbol\(s\)/],
    ['a plain object', { code: 7 }, /\{ code: 7 \}/],
    ['an object without prototype', Object.create(null), /Object: null prototype/],
    ['an object with a getter that throws', throwing, /\[Getter\]/],
    [
      'an error with getters that throw',
      Object.defineProperties(new Error('x'), Object.getOwnPropertyDescriptors(throwing)),
      /reading 'message' threw/,
    ],
    ['an error whose stack is a number', Object.assign(new Error('x'), { stack: 7 }), /^x$/],
    ['an error without a message', new RangeError(), /^RangeError$/],
    ['a plain error without a message', new Error(), /without a message/],
    ['a DOMException', new DOMException('too late', 'TimeoutError'), /^TimeoutError: too late$/],
    ['a revoked proxy', revoked.proxy, /./],
    ['an error with a cause that is null', new Error('x', { cause: null }), /^x$/],
  ];
  for (const [what, thrown, message] of odd) {
    it(`describes ${what}`, () => {
      const failure = failureOf(thrown);
      expect(failure).to.have.property('message').that.matches(message);
      expect(() => structuredClone(failure)).not.to.throw();
      expect(describeThrown(thrown)).to.be.a('string');
    });
  }

  it('cuts long texts and keeps control characters for who prints', () => {
    const failure = failureOf(new Error(`\x1b[2J${'x'.repeat(20_000)}`)) as {
      readonly message: string;
      readonly stack: string;
    };
    expect(failure.message.slice(0, 5)).to.equal('\x1b[2Jx');
    expect(failure.message).to.match(/x \.\.\. \(11812 characters more\)$/);
    expect(failure.stack.length).to.be.below(9000);
  });
});

describe('firstUserFrame', () => {
  it('skips Sluice, Node and packages', () => {
    expect(firstUserFrame(STACK)).to.deep.equal({ file: '/data/my jobs/count.ts', line: 12, column: 7 });
  });

  it('takes a package when there is nothing else', () => {
    const frame = firstUserFrame('E\n    at node:fs:1:1\n    at p (/x/node_modules/p/i.js:3:4)');
    expect(frame).to.deep.equal({ file: '/x/node_modules/p/i.js', line: 3, column: 4 });
  });

  it('reads paths with spaces, parentheses, colons and drives', () => {
    expect(firstUserFrame('    at new Foo (/a (b)/c:d e.ts:1:2)')).to.deep.equal({
      file: '/a (b)/c:d e.ts',
      line: 1,
      column: 2,
    });
    expect(firstUserFrame('    at C:\\jobs\\x.ts:5:6')).to.deep.equal({ file: 'C:\\jobs\\x.ts', line: 5, column: 6 });
  });

  it('is undefined for a stack without a frame', () => {
    expect(firstUserFrame('')).to.equal(undefined);
    expect(firstUserFrame('Error: at home (/x:1:1)')).to.equal(undefined);
  });
});
