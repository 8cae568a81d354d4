import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { parseFlags } from '../../benchmarks/harness/benchmark.js';
import { ratiosOf, regressions } from '../../benchmarks/harness/ratios.js';
import { TABLE_END, TABLE_START, withSections } from '../../benchmarks/harness/readme.js';
import { percentile, spread } from '../../benchmarks/harness/stats.js';
import { figure, sections, type ResultLine } from '../../benchmarks/harness/table.js';

const machine = { cores: 2, cpu: 'some', node: 'v20.19.0' };
const line = (benchmark: string, fields: object): ResultLine => ({ benchmark, machine, ...fields });
const throughput = (system: string, form: string, perCpuSecond: number): ResultLine =>
  line('ysb', { system, form, start: 'cold', threads: 1, perCpuSecond: spread([perCpuSecond]) });

describe('benchmark summary', () => {
  it('gives medians with their spread, and percentiles', () => {
    expect(spread([4, 1, 3])).to.deep.equal({ median: 3, min: 1, max: 4 });
    expect(spread([4, 1])).to.deep.equal({ median: 2.5, min: 1, max: 4 });
    expect(percentile([5, 1, 4, 2, 3], 0.5)).to.equal(3);
    expect(percentile([1, 2], 0.99)).to.equal(2);
  });

  it('writes figures for people', () => {
    expect(figure(1_234_567)).to.equal('1.23 M');
    expect(figure(45_678.5)).to.equal('46 k');
    expect(figure(20_000)).to.equal('20000');
    expect(figure({ median: 0.123, min: 0.1, max: 2.25 })).to.equal('0.12 (0.10 - 2.3)');
    expect(figure({ p50: 1.5, p99: 20.25 })).to.equal('1.5 / 20');
    expect(figure({ a: 1, b: 2 })).to.equal('1 / 2 (a / b)');
  });

  it('compares each form of Sluice with the others, the fastest first', () => {
    const lines = [
      throughput('node', 'slow', 1e6),
      throughput('sluice', 'closures', 3e6),
      throughput('node', 'fast', 2e6),
    ];
    const rows = (sections(lines).get('ysb') ?? '').split('\n');
    expect(rows).to.have.length(5);
    expect(rows[0]).to.include('sluice closures is');
    expect(rows[2]).to.include('**sluice**').and.to.include('3.00 M');
    expect(rows[3]).to.include('fast').and.to.include('1.5 x');
    expect(rows[4]).to.include('slow').and.to.include('3.0 x');
    expect(ratiosOf(lines)).to.deep.equal({ 'ysb, closures, against plain Node': 1.5 });
  });

  it('takes ratios of scaling and of windows', () => {
    const windows = (windowBatches: number, totals: boolean, p50: number): ResultLine =>
      line('windows', { windowBatches, totals, batchMs: { p50, p99: 9 } });
    const scaling = (workers: number, timesOne: number): ResultLine =>
      line('scaling', { work: 'ysb', workers, timesOne });
    const lines = [windows(500, true, 4), windows(10, true, 3), windows(10, false, 30), scaling(1, 1), scaling(2, 1.8)];
    expect(ratiosOf(lines)).to.deep.equal({
      'scaling, ysb, 2 workers': 1.8,
      'windows, shortest against longest': 0.75,
    });
  });

  it('calls a ratio worse when more than a fifth is gone', () => {
    const worse = regressions({ a: 0.79, b: 0.81, c: 5 }, { a: 1, b: 1, d: 9 });
    expect(worse).to.deep.equal(['a: 0.790, was 1.00']);
  });

  it('replaces what was measured in the page and keeps the rest', () => {
    const empty = `# Page\n\n${TABLE_START}\n\nNothing yet.\n\n${TABLE_END}\n\nEnd.\n`;
    const first = withSections(
      empty,
      new Map([
        ['b', 'B1'],
        ['a', 'A1'],
      ]),
    );
    expect(first).to.equal(`# Page\n\n${TABLE_START}\n\n### a\n\nA1\n\n### b\n\nB1\n\n${TABLE_END}\n\nEnd.\n`);
    const second = withSections(
      first,
      new Map([
        ['b', 'B2'],
        ['c', 'C1'],
      ]),
    );
    expect(second).to.equal(
      `# Page\n\n${TABLE_START}\n\n### a\n\nA1\n\n### b\n\nB2\n\n### c\n\nC1\n\n${TABLE_END}\n\nEnd.\n`,
    );
    expect(() => withSections('no marks', new Map())).to.throw('marks');
  });

  it('has a page that tells of every benchmark and takes the tables, and a baseline of ratios', () => {
    const folder = join(import.meta.dirname, '..', '..', 'benchmarks');
    const page = readFileSync(join(folder, 'README.md'), 'utf8');
    for (const file of readdirSync(folder).filter(name => name.endsWith('.bench.ts'))) {
      expect(page).to.include(`\`${file.slice(0, -'.bench.ts'.length)}\``);
    }
    expect(withSections(page, new Map([['ysb', 'table']]))).to.include('### ysb\n\ntable\n');
    const { ratios } = JSON.parse(readFileSync(join(folder, 'baseline.json'), 'utf8')) as { ratios: object };
    for (const ratio of Object.values(ratios)) expect(ratio).to.be.above(0);
  });

  it('reads flags, and refuses what it does not know', () => {
    expect(parseFlags([], 4)).to.deep.equal({ size: 'full', runs: 3, workers: 4, peers: false });
    expect(parseFlags(['--size=small', '--runs', '5', '--peers', '--workers', '1'], 4)).to.deep.equal({
      ...{ size: 'small', runs: 5, workers: 1, peers: true },
    });
    for (const flags of [['--size', 'huge'], ['--runs', '0'], ['--runs'], ['--fast']]) {
      expect(() => parseFlags(flags, 4), flags.join(' ')).to.throw('want');
    }
  });
});
