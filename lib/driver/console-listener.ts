import { visibleLine } from '../core/visible.js';
import type { RunEvent } from '../metrics/run-events.js';

/**
 * What a program hears of a run when it does not say otherwise: the job's own lines, and problems. A batch that failed is
 * told here too: the program may never ask how the run ended. What is printed comes from data: a terminal obeys none of it.
 */
export function consoleListener(event: RunEvent): void {
  switch (event.kind) {
    case 'printed':
      return console.log(event.lines.map(visibleLine).join('\n'));
    case 'warning':
      return console.warn(`warning: ${visibleLine(event.message)}`);
    case 'batchFailed':
      return console.error(`error: ${visibleLine(event.message)}`);
    case 'taskRetried':
      return console.warn(
        `warning: task ${event.task}, attempt ${event.attempt} failed and is run again: ${visibleLine(event.reason)}`,
      );
    default:
      return;
  }
}
