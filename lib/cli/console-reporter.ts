import { assertNever } from '../core/assert-never.js';
import { formatBytes } from '../core/byte-size.js';
import { formatBatchTime, formatDuration } from '../core/time.js';
import { STEP_EVENTS, type RunEvent, type RunInfo, type RunListener, type RunSummary } from '../driver/run-events.js';
import { BatchLines } from './batch-lines.js';
import { formatRate, plural, shortPath } from './figures.js';
import type { Terminal } from './terminal.js';
import { visibleJson, visibleLine } from '../core/visible.js';

/**
 * How much a run says on standard output.
 * plain: a start, one line per completed batch, an end. quiet: what the job itself prints, and one closing line; tasks
 * that are run again are not told.
 * json: every event of the run as one JSON object a line (`RunEvent`), nothing else. The steps inside a batch are left
 * out: `batchCompleted` sums them up.
 * Warnings go to standard error (in json: they are events).
 */
export type ReportMode = 'plain' | 'quiet' | 'json';

/** A listener that tells the terminal about a run. */
export function makeReporter(mode: ReportMode, terminal: Terminal): RunListener {
  if (mode === 'json') {
    return event => {
      if (!STEP_EVENTS.includes(event.kind)) terminal.out(`${visibleJson(JSON.stringify(event))}\n`);
    };
  }
  const reporter = new ConsoleReporter(mode, terminal);
  return event => reporter.tell(event);
}

class ConsoleReporter {
  readonly #quiet: boolean;
  readonly #terminal: Terminal;
  readonly #batchLines = new BatchLines();
  #info: RunInfo | undefined;
  /** When the next line about restoring is due, milliseconds since the start. */
  #restoringDueMs = 1000;

  constructor(mode: 'plain' | 'quiet', terminal: Terminal) {
    this.#quiet = mode === 'quiet';
    this.#terminal = terminal;
  }

  tell(event: RunEvent): void {
    switch (event.kind) {
      case 'started':
        this.#info = event.info;
        return this.#say(this.#startLines(event.info));
      case 'restoring': {
        if (event.elapsedMs < this.#restoringDueMs || event.doneBytes === event.totalBytes) return;
        this.#restoringDueMs = event.elapsedMs + 1000;
        const [done, total] = [formatBytes(event.doneBytes), formatBytes(event.totalBytes)];
        return this.#say([`restoring state: ${done} of ${total} after ${formatDuration(event.elapsedMs)}`]);
      }
      case 'restored': {
        const again = event.rerun > 0 ? `; ${plural(event.rerun, 'batch', 'batches')} to run again` : '';
        const what =
          event.lastBatchTime === 0
            ? 'no batch was committed yet'
            : `${plural(event.stateRows, 'state row')} as of ${formatBatchTime(event.lastBatchTime)}`;
        return this.#say([`restored ${what} in ${formatDuration(event.tookMs)}${again}`]);
      }
      case 'batchCompleted':
        return this.#quiet ? undefined : this.#say(this.#batchLines.add(event.batch));
      case 'printed':
        return this.#write(event.lines);
      case 'taskRetried':
        if (this.#quiet) return;
        return this.#warn(`task ${event.task}, attempt ${event.attempt} failed and is run again: ${event.reason}`);
      case 'warning':
        return this.#warn(event.message);
      case 'receiverStarted': {
        const { streamId, name, location } = event.receiver;
        return this.#say([`receiver ${streamId} (${name}) started${location === '' ? '' : `: ${location}`}`]);
      }
      case 'receiverError':
        return this.#warn(`receiver ${event.receiver.streamId}: ${event.receiver.lastErrorMessage}`);
      case 'receiverStopped':
        return this.#say([`receiver ${event.receiver.streamId} stopped`]);
      case 'stopped':
        this.#say(this.#batchLines.flush());
        this.#write([endLine(event.summary)]);
        return this.#say(this.#whereLines(event.summary));
      case 'batchFailed':
      case 'checkpointWritten':
      case 'batchSubmitted':
      case 'batchStarted':
      case 'outputStarted':
      case 'outputCompleted':
        // The error that ends the run tells the first in full; the others are routine.
        return;
      default:
        return assertNever(event);
    }
  }

  #startLines(info: RunInfo): string[] {
    return [
      `${info.job}: batch interval ${formatDuration(info.intervalMs)}, ${plural(info.workers, 'worker')}`,
      ...info.sources.map(source => `  input         ${source.id}: ${source.description}`),
      ...info.outputs.map(output => `  output        ${output.id}: ${output.description}`),
      `  checkpoint    ${info.checkpoint === undefined ? 'none' : this.#path(info.checkpoint)}`,
    ];
  }

  #whereLines(summary: RunSummary): string[] {
    const info = this.#info;
    if (info === undefined) return [];
    const lines = info.outputs.flatMap(output =>
      output.path === undefined ? [] : [`  output        ${this.#path(output.path)}`],
    );
    if (summary.badRecords > 0 && info.deadLetters !== undefined) {
      lines.push(`  dead letters  ${this.#path(info.deadLetters)}`);
    }
    if (summary.blocks !== undefined) {
      const { spilledBytes, recomputedBlocks } = summary.blocks;
      const again = recomputedBlocks === 0 ? '' : `, ${plural(recomputedBlocks, 'block')} computed again`;
      lines.push(`  short memory  ${formatBytes(spilledBytes)} of blocks went to files${again} (maxBlockBytes)`);
    }
    if (info.checkpoint !== undefined) {
      const path = this.#path(info.checkpoint);
      lines.push(`  checkpoint    ${path} (sluice checkpoint show ${path})`);
      lines.push(
        summary.reason === 'failed'
          ? '  next          the same command begins with the batch that failed'
          : '  next          the same command goes on where this run ended',
      );
    }
    return lines;
  }

  #path(path: string): string {
    return shortPath(path, this.#terminal.cwd);
  }

  #say(lines: readonly string[]): void {
    if (!this.#quiet) this.#write(lines);
  }

  #write(lines: readonly string[]): void {
    if (lines.length > 0) this.#terminal.out(`${lines.map(visibleLine).join('\n')}\n`);
  }

  #warn(message: string): void {
    this.#terminal.err(`warning: ${visibleLine(message)}\n`);
  }
}

function endLine(summary: RunSummary): string {
  const bad = summary.badRecords > 0 ? `, ${plural(summary.badRecords, 'bad record')}` : '';
  return (
    `${summary.reason}: ${plural(summary.records, 'record')} in ${plural(summary.batches, 'batch', 'batches')}${bad}, ` +
    `${plural(summary.outputRows, 'row')} out, ${formatDuration(summary.elapsedMs)}, ${formatRate(summary.records, summary.elapsedMs)}`
  );
}
