/**
 * Speculation: a task that takes much longer than the others of its stage is computed a second time on an idle slot, and
 * whichever attempt ends first is accepted. It helps where a thread hangs or a slot is slow, not where one partition has
 * more to do; and a task with state never has a copy, because its table is on one slot only.
 *
 *   stage of 10 tasks    ----------|.........................  nine are done; median 1 s
 *                        0 s      1 s     ^ 3 s                the tenth is still running: its copy starts
 */
import type { Clock } from '../core/clock.js';
import type { Task } from './batch-task.js';

export interface Speculation {
  readonly clock: Clock;
  /** A task that runs for less than this has no copy, however quick the others were. */
  readonly minTaskMs: number;
  /** Told of each copy that starts. */
  readonly onCopy: (task: string, runningMs: number) => void;
}

/** Part of a stage's tasks that must be done before any has a copy. */
const QUANTILE = 0.9;
/** How many times longer than the median a task must run. */
const MULTIPLIER = 3;

export interface Stragglers {
  /** Tasks that should have a copy now, the longest running first. */
  readonly due: readonly Task[];
  /** When the next one will be due if it is not done by then; undefined when none will be. */
  readonly nextMs: number | undefined;
}

/** Looks at one stage of a batch. Costs nothing unless a task is running while most are done. */
export function stragglersOf(stage: readonly Task[], minTaskMs: number, nowMs: number): Stragglers {
  const running = stage.filter(task => task.status === 'running' && task.home === undefined && !task.copied);
  if (running.length === 0) return { due: [], nextMs: undefined };
  const durations = stage.flatMap(({ status, durationMs }) =>
    status === 'done' && durationMs !== undefined ? [durationMs] : [],
  );
  // Partitions without input are done without having run: they say nothing about the others.
  const numRun = stage.filter(({ status, durationMs }) => status !== 'done' || durationMs !== undefined).length;
  if (durations.length < Math.max(1, Math.floor(QUANTILE * numRun))) return { due: [], nextMs: undefined };
  const limitMs = Math.max(minTaskMs, MULTIPLIER * medianOf(durations));
  const dueAt = (task: Task): number => (task.running[0]?.startedMs ?? nowMs) + limitMs;
  const sorted = running.toSorted((a, b) => dueAt(a) - dueAt(b));
  const later = sorted.find(task => dueAt(task) > nowMs);
  return {
    due: sorted.filter(task => dueAt(task) <= nowMs),
    nextMs: later === undefined ? undefined : dueAt(later),
  };
}

function medianOf(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? 0;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? upper) + upper) / 2;
}
