import { expect } from 'chai';
import { EngineError } from '../../lib/core/errors.js';
import { arg, argInfos, formatArgDefault, parseArgs, type ArgValues } from '../../lib/core/job-args.js';

const declared = {
  name: arg.string('', 'any text'),
  input: arg.path('in', 'folder to read'),
  top: arg.integer(10, 'how many'),
  share: arg.number(0.5, 'part of the whole'),
  loud: arg.boolean(false, 'say more'),
  window: arg.duration('30s', 'how long to look back'),
  mode: arg.choice(['fast', 'exact'], 'fast', 'how to count'),
};

function refusal(run: () => unknown): EngineError {
  try {
    run();
  } catch (thrown) {
    if (thrown instanceof EngineError) return thrown;
    throw thrown;
  }
  throw new Error('nothing was thrown');
}

describe('job arguments', () => {
  it('have their defaults', () => {
    const values: ArgValues<typeof declared> = parseArgs(declared, {});
    expect(values).to.deep.equal({
      name: '',
      input: 'in',
      top: 10,
      share: 0.5,
      loud: false,
      window: 30_000,
      mode: 'fast',
    });
  });

  it('are read from text by type', () => {
    const given = { name: 'a=b', input: 'x/y', top: '-3', share: '1e-2', loud: 'true', window: '1.5s', mode: 'exact' };
    const wanted = { name: 'a=b', input: 'x/y', top: -3, share: 0.01, loud: true, window: 1500, mode: 'exact' };
    expect(parseArgs(declared, given)).to.deep.equal(wanted);
  });

  it('have the types that they were declared with', () => {
    const values = parseArgs(declared, {});
    const mode: 'fast' | 'exact' = values.mode;
    const window: number = values.window;
    // @ts-expect-error: a boolean argument is no string
    const loud: string = values.loud;
    // @ts-expect-error: not declared
    expect([mode, window, loud, values.other]).to.deep.equal(['fast', 30_000, false, undefined]);
  });

  it('refuse a name that is not declared, with those that are and the nearest', () => {
    const error = refusal(() => parseArgs(declared, { inptu: 'x' }));
    expect(error.code).to.equal('optionUnknown');
    expect(error.message).to.contain('name, input, top').and.to.contain("did you mean 'input'");
    expect(refusal(() => parseArgs({}, { a: '1' })).message).to.contain('declares none');
  });

  it('refuse names that every object has', () => {
    for (const name of ['__proto__', 'constructor', 'hasOwnProperty']) {
      expect(refusal(() => parseArgs(declared, Object.fromEntries([[name, 'x']]))).code, name).to.equal(
        'optionUnknown',
      );
    }
  });

  const unfit: [keyof typeof declared, string][] = [
    ['input', ''],
    ['input', 'a\0b'],
    ['top', '1.5'],
    ['top', ''],
    ['top', '9007199254740993'],
    ['share', 'half'],
    ['share', ''],
    ['share', '1e999'],
    ['loud', 'yes'],
    ['window', 'soon'],
    ['mode', 'exac'],
  ];
  for (const [name, text] of unfit) {
    it(`refuse ${name}=${JSON.stringify(text)}, naming the argument and what came`, () => {
      const error = refusal(() => parseArgs(declared, { [name]: text }));
      expect(error.code).to.equal('optionInvalid');
      expect(error.message).to.contain(`argument ${name} wants`).and.to.contain(`'${text}'`);
    });
  }

  it('are listed as data, in the order of declaration', () => {
    const infos = argInfos(declared);
    expect(infos.map(info => info.name)).to.deep.equal(Object.keys(declared));
    expect(JSON.parse(JSON.stringify(infos.at(-1)))).to.deep.equal({
      name: 'mode',
      type: 'choice',
      default: 'fast',
      help: 'how to count',
      choices: ['fast', 'exact'],
    });
    expect(infos.map(formatArgDefault)).to.deep.equal(['', 'in', '10', '0.5', 'false', '30s', 'fast']);
  });
});
