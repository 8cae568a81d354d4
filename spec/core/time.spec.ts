import { expect } from 'chai';
import { parseBytes } from '../../lib/core/byte-size.js';
import { alignDown, batchTime, formatBatchTime, formatDuration, parseDuration } from '../../lib/core/time.js';

describe('time', () => {
  it('reads durations with a unit, or milliseconds', () => {
    const wanted = {
      '500ms': 500,
      '2s': 2000,
      '1.5m': 90_000,
      '1min': 60_000,
      '1h': 3_600_000,
      '2d': 172_800_000,
      ' 250 ': 250,
    };
    for (const [text, ms] of Object.entries(wanted)) expect(parseDuration(text, 'x'), text).to.equal(ms);
    expect(parseDuration(750, 'x')).to.equal(750);
  });

  it('refuses what is no duration, naming what it was for', () => {
    for (const text of ['', 's', '-1s', '1e3', '5 weeks', '1s2', 'NaN']) {
      expect(() => parseDuration(text, 'the window'), text).to.throw(
        `the window wants a duration such as 500ms, 2s or 1m, got '${text}'`,
      );
    }
  });

  it('refuses a long text as quickly as a short one', () => {
    // Spaces that two parts of a pattern may take are tried in every way: this once took minutes.
    for (const text of [`1${' '.repeat(200_000)}x`, `${'1'.repeat(200_000)}x`]) {
      expect(() => parseDuration(text, 'x')).to.throw('x wants a duration');
      expect(() => parseBytes(text, 'x')).to.throw('x wants a size');
    }
  });

  it('writes durations with three digits at the most', () => {
    const written = [0, 0.25, 12.345, 500, 999, 1000, 2500, 59_999, 90_000, 7_200_000].map(formatDuration);
    expect(written).to.deep.equal([
      '0 ms',
      '0.25 ms',
      '12.3 ms',
      '500 ms',
      '999 ms',
      '1 s',
      '2.5 s',
      '60 s',
      '1.5 min',
      '2 h',
    ]);
  });

  it('aligns to the interval, downwards, also before 1970', () => {
    expect([0, 1, 499, 500, 1234, -1].map(ms => alignDown(ms, 500))).to.deep.equal([0, 0, 0, 500, 1000, -500]);
  });

  it('shows a batch time with milliseconds', () => {
    const time = new Date(2026, 4, 1, 9, 5, 7, 42).getTime();
    expect(formatBatchTime(batchTime(time))).to.equal('09:05:07.042');
  });
});
