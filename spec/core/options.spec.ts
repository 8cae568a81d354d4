import { expect } from 'chai';
import { formatBinaryBytes, formatBytes, parseBytes } from '../../lib/core/byte-size.js';
import { EngineError } from '../../lib/core/errors.js';
import { editDistance, nearest } from '../../lib/core/nearest.js';
import {
  DEPLOYMENT_OPTIONS,
  ENGINE_OPTIONS,
  envNameOf,
  formatDefault,
  givenOptions,
  resolveOptions,
  type OptionInfo,
} from '../../lib/core/options.js';

function refusal(run: () => unknown): EngineError {
  try {
    run();
  } catch (thrown) {
    if (thrown instanceof EngineError) return thrown;
    throw thrown;
  }
  throw new Error('nothing was thrown');
}

const table: [string, OptionInfo][] = Object.entries(ENGINE_OPTIONS);

describe('options', () => {
  it('have the defaults of the table', () => {
    const { values, origins } = resolveOptions({});
    expect(values).to.include({ intervalMs: 500, maxTaskFailures: 4, keyGroups: 128, slotMemoryBytes: 1024 ** 3 });
    expect(values.workers).to.be.at.least(1);
    expect(new Set(Object.values(origins))).to.deep.equal(new Set(['default']));
  });

  it('come from the command line before the environment, the job and the default', () => {
    const layers = {
      cli: { interval: '1s' },
      env: { SLUICE_INTERVAL: '2s', SLUICE_WORKERS: '3' },
      job: { interval: '3s', workers: 4, keyGroups: 64 },
    };
    const { values, origins } = resolveOptions(layers);
    expect(values).to.include({ intervalMs: 1000, workers: 3, keyGroups: 64 });
    expect(origins).to.include({
      interval: 'command line',
      workers: 'environment',
      keyGroups: 'job',
      rollBytes: 'default',
    });
  });

  it('come from the program in the place of a command line, and from a checkpoint after the environment', () => {
    const layers = {
      program: { interval: '1s', workers: undefined },
      env: { SLUICE_INTERVAL: '2s', SLUICE_WORKERS: '3' },
      checkpoint: { workers: 4, keyGroups: 64, rollBytes: 1024 },
      job: { rollBytes: '1MiB', taskTimeout: '9s' },
    };
    const resolved = resolveOptions(layers);
    expect(resolved.values).to.include({ intervalMs: 1000, workers: 3, keyGroups: 64, rollBytes: 1024 });
    expect(resolved.origins).to.include({
      interval: 'program',
      workers: 'environment',
      keyGroups: 'checkpoint',
      rollBytes: 'checkpoint',
      taskTimeout: 'job',
    });
    expect(givenOptions(resolved)).to.deep.equal({ interval: 1000, workers: 3, keyGroups: 64, rollBytes: 1024 });
    expect(givenOptions(resolveOptions({}))).to.deep.equal({});
    for (const name of DEPLOYMENT_OPTIONS) expect(ENGINE_OPTIONS).to.have.property(name);
  });

  it('take an empty environment variable as not given', () => {
    expect(resolveOptions({ env: { SLUICE_INTERVAL: '' } }).origins.interval).to.equal('default');
  });

  it('read numbers as milliseconds and bytes', () => {
    const { values } = resolveOptions({ job: { interval: 250, maxBatchBytes: 1000 }, cli: { rollBytes: '2MiB' } });
    expect(values).to.include({ intervalMs: 250, maxBatchBytes: 1000, rollBytes: 2 * 1024 ** 2 });
  });

  it('read fractions, and true and false also as text', () => {
    const { values } = resolveOptions({
      job: { pidIntegral: 0.05 },
      cli: { pidProportional: '0.5', backpressure: 'false' },
    });
    expect(values).to.include({ pidIntegral: 0.05, pidProportional: 0.5, backpressure: false });
    expect(resolveOptions({ job: { backpressure: true } }).values.backpressure).to.equal(true);
  });

  it('refuse a name that does not exist, with the nearest that does', () => {
    const wrong = [
      { cli: { intervall: '1s' } },
      { program: { intervall: '1s' } },
      { checkpoint: { intervall: 1000 } },
      { job: { Interval: '1s' } },
    ];
    for (const layers of wrong) {
      const error = refusal(() => resolveOptions(layers));
      expect(error.code).to.equal('optionUnknown');
      expect(error.message)
        .to.match(/did you mean 'interval'/)
        .and.match(/maxBatchBytes/);
    }
  });

  it('refuse names that every object has', () => {
    for (const name of ['__proto__', 'constructor', 'toString']) {
      const cli = Object.fromEntries([[name, '1']]);
      expect(refusal(() => resolveOptions({ cli })).code, name).to.equal('optionUnknown');
    }
  });

  it('refuse an environment variable that is nearly one of theirs and leave others alone', () => {
    const error = refusal(() => resolveOptions({ env: { SLUICE_CHECKPOINT_INTERVALL: '1s' } }));
    expect(error.code).to.equal('optionUnknown');
    expect(error.message).to.match(/did you mean SLUICE_CHECKPOINT_INTERVAL\?/);
    expect(() => resolveOptions({ env: { SLUICE_DEBUG: '1', SLUICE_SWEEP: '1', PATH: '/bin' } })).not.to.throw();
  });

  const unfit: [string, string | number | boolean][] = [
    ['interval', '0'],
    ['interval', '1.5ms'],
    ['interval', '2 days'],
    ['interval', '-5s'],
    ['interval', ''],
    ['interval', Number.NaN],
    ['workers', '0'],
    ['workers', '1.5'],
    ['workers', 'two'],
    ['workers', Number.POSITIVE_INFINITY],
    ['workers', '99999999999'],
    ['slotMemory', '1KiB'],
    ['slotMemory', '8GiB'],
    ['slotMemory', '1 barrel'],
    ['keyGroups', '100'],
    ['keyGroups', '65536'],
    ['maxTaskFailures', '0'],
    ['pidIntegral', '-0.1'],
    ['pidIntegral', '1e3'],
    ['pidIntegral', '1001'],
    ['pidIntegral', ''],
    ['backpressure', 'yes'],
    ['backpressure', ''],
    ['backpressure', 1],
    ['maxTaskFailures', true],
    ['onBatchFailure', 'ignore'],
    ['speculation', 'true'],
    ['speculation', ''],
  ];
  for (const [name, value] of unfit) {
    it(`refuse ${name} = '${value}', naming the option and what came`, () => {
      const error = refusal(() => resolveOptions({ job: { [name]: value } }));
      expect(error.code).to.equal('optionInvalid');
      expect(error.exitCode).to.equal(2);
      expect(error.message).to.contain(name).and.to.contain(`'${value}'`);
    });
  }

  it('name the words of a choice, and the nearest one', () => {
    const error = refusal(() => resolveOptions({ cli: { onBatchFailure: 'contniue' } }));
    expect(error.message).to.match(/wants stop or continue, got 'contniue'; did you mean 'continue'\?/);
    expect(resolveOptions({ env: { SLUICE_SPECULATION: 'on' } }).values.speculation).to.equal('on');
  });

  it('say where a value that does not fit came from', () => {
    const error = refusal(() => resolveOptions({ env: { SLUICE_WORKERS: 'many' } }));
    expect(error.message).to.contain('SLUICE_WORKERS');
  });

  for (const [name, info] of table) {
    it(`${name}: its default and its bounds are values of its type, and its field names the unit`, () => {
      const wanted =
        info.type === 'boolean'
          ? [true, false]
          : info.type === 'choice'
            ? [...info.choices]
            : typeof info.default === 'string'
              ? [info.min, info.max]
              : [info.min, info.max, info.default];
      for (const value of wanted) {
        expect(resolveOptions({ job: { [name]: value } }).values).to.have.property(info.field, value);
      }
      expect(formatDefault(info)).not.to.equal('');
      const suffix = {
        duration: /Ms$/,
        bytes: /Bytes$/,
        integer: /^/,
        powerOfTwo: /^/,
        number: /^/,
        boolean: /^/,
        choice: /^/,
      }[info.type];
      expect(info.field).to.match(suffix);
      expect(envNameOf(name)).to.match(/^SLUICE_[A-Z_]+$/);
    });
  }
});

describe('byte sizes', () => {
  it('are read with binary and decimal units', () => {
    expect(parseBytes('64MiB', 'x')).to.equal(64 * 1024 ** 2);
    expect(parseBytes('64m', 'x')).to.equal(64 * 1024 ** 2);
    expect(parseBytes('1.5 kB', 'x')).to.equal(1500);
    expect(parseBytes(17, 'x')).to.equal(17);
    for (const text of ['', 'MiB', '1TB', '-1', '1e3', '0x10', '1ib']) {
      expect(refusal(() => parseBytes(text, 'x')).code, text).to.equal('optionInvalid');
    }
  });

  it('are written so that they read well, or read back', () => {
    expect([0, 999, 1000, 480_123, 999_600, 12_300_000, 5e12].map(formatBytes)).to.deep.equal([
      '0 B',
      '999 B',
      '1 kB',
      '480 kB',
      '1 MB',
      '12.3 MB',
      '5 TB',
    ]);
    for (const bytes of [1, 1000, 1024, 65_536, 3 * 1024 ** 3]) {
      expect(parseBytes(formatBinaryBytes(bytes), 'x')).to.equal(bytes);
    }
  });
});

describe('nearest', () => {
  it('counts letters put in, left out, replaced and swapped', () => {
    expect(editDistance('inptu', 'input')).to.equal(1);
    expect(editDistance('kitten', 'sitting')).to.equal(3);
    expect(editDistance('', 'abc')).to.equal(3);
    expect(editDistance('abc', 'abc')).to.equal(0);
  });

  it('gives nothing when no name is close', () => {
    expect(nearest('wokers', ['interval', 'workers'])).to.equal('workers');
    expect(nearest('zebra', ['interval', 'workers'])).to.equal(undefined);
    expect(nearest('x', [])).to.equal(undefined);
  });
});
