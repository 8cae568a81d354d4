import { expect } from 'chai';
import { consoleListener } from '../../lib/driver/console-listener.js';
import type { RunEvent } from '../../lib/metrics/run-events.js';
import { batchInfo, runInfo } from '../cli/fake-engine.js';

describe('consoleListener', () => {
  function told(events: readonly RunEvent[]): string[] {
    const lines: string[] = [];
    const { log, warn, error } = console;
    Object.assign(console, {
      log: (text: string) => lines.push(`out ${text}`),
      warn: (text: string) => lines.push(`err ${text}`),
      error: (text: string) => lines.push(`err ${text}`),
    });
    try {
      for (const event of events) consoleListener(event);
    } finally {
      Object.assign(console, { log, warn, error });
    }
    return lines;
  }

  it("tells the job's own lines on standard output, problems on standard error, and nothing else", () => {
    const lines = told([
      { kind: 'started', info: runInfo() },
      { kind: 'printed', time: 5, lines: ['a', 'b'] },
      { kind: 'warning', message: 'careful' },
      { kind: 'taskRetried', task: 'task_0_1', attempt: 2, reason: 'it hung' },
      { kind: 'batchCompleted', batch: batchInfo(1) },
      { kind: 'batchFailed', time: 5, failedMs: 6, message: 'no such field', location: '' },
    ]);
    expect(lines).to.deep.equal([
      'out a\nb',
      'err warning: careful',
      'err warning: task task_0_1, attempt 2 failed and is run again: it hung',
      'err error: no such field',
    ]);
  });

  it('shows what a terminal would obey', () => {
    const evil = '\u001b[2J\u202e\rx';
    const lines = told([
      { kind: 'printed', time: 5, lines: [evil, 'a\nb'] },
      { kind: 'warning', message: evil },
      { kind: 'taskRetried', task: 'task_0_1', attempt: 2, reason: evil },
      { kind: 'batchFailed', time: 5, failedMs: 6, message: evil, location: '' },
    ]);
    const shown = '\\x1b[2J\\u202e\\rx';
    expect(lines).to.deep.equal([
      `out ${shown}\na\\nb`,
      `err warning: ${shown}`,
      `err warning: task task_0_1, attempt 2 failed and is run again: ${shown}`,
      `err error: ${shown}`,
    ]);
  });
});
