/**
 * When a stream has batches. Most have one in every batch of the engine; what comes out of a window, and all that is
 * made from it, has one only where a slide ends, at multiples of the slide since the epoch:
 *
 *   batches   |     |     |     |     |     |       interval 1 s
 *   slide 2 s       x           x           x       in between nothing downstream runs, outputs included
 *
 * A batch that stands for several intervals (ticks were merged) ends the slides that ended in any of them.
 */
import { EngineError } from '../core/errors.js';
import type { NodeId, Plan, PlanNode } from './node.js';

/** Time from one batch of a stream to the next, or null: in every batch of the engine. */
export type SlideMs = number | null;

/** The slide of each node of a plan, by node id. */
export function slidesOf(plan: Plan): readonly SlideMs[] {
  const slides: SlideMs[] = [];
  for (const node of plan.nodes) {
    slides[node.id] = ownSlide(node) ?? inputSlide(node, slides);
  }
  return slides;
}

const ownSlide = ({ operation }: PlanNode): SlideMs =>
  operation.kind === 'window' || operation.kind === 'collection' ? operation.slideMs : null;

/** The slide of what a node is made from. */
export const inputSlide = ({ dependencies }: PlanNode, slides: readonly SlideMs[]): SlideMs =>
  dependencies.map(({ parent }) => slides[parent] ?? null).find(slide => slide !== null) ?? null;

/** Whether a stream has a batch at `time`. @param previousTime time of the engine's batch before */
export const endsSlide = (slideMs: SlideMs, time: number, previousTime: number): boolean =>
  slideMs === null || Math.floor(time / slideMs) > Math.floor(previousTime / slideMs);

/**
 * Throws `optionInvalid` for a window or slide that is not a multiple of the time between its parent's batches, and
 * `jobInvalid` where streams with different slides meet in one operation.
 */
export function checkSlides(plan: Plan, intervalMs: number): void {
  const slides = slidesOf(plan);
  const slideOf = (id: NodeId): number => slides[id] ?? intervalMs;
  for (const node of plan.nodes) {
    const every = [...new Set(node.dependencies.map(({ parent }) => slideOf(parent)))];
    if (every.length > 1) {
      throw new EngineError(
        'jobInvalid',
        `${node.label} takes streams with batches every ${every.join(' ms and every ')} ms: give their windows the same slide`,
      );
    }
    if (node.operation.kind !== 'window') continue;
    const { windowMs, slideMs } = node.operation;
    const step = every[0] ?? intervalMs;
    requireMultiple('window', windowMs, step, step === intervalMs, node);
    if (slideMs !== null) requireMultiple('slide', slideMs, step, step === intervalMs, node);
  }
}

/** Throws `optionInvalid` unless the interval of a stream's checkpoint is a multiple of the time between its batches. */
export function checkCheckpoint(plan: Plan, stream: NodeId, ms: number, intervalMs: number): void {
  const slide = slidesOf(plan)[stream] ?? intervalMs;
  const node = plan.nodes.find(({ id }) => id === stream);
  if (node !== undefined) requireMultiple('checkpoint interval', ms, slide, slide === intervalMs, node);
}

function requireMultiple(what: string, ms: number, step: number, isInterval: boolean, node: PlanNode): void {
  if (ms > 0 && ms % step === 0) return;
  const below = Math.floor(ms / step) * step;
  const cure = below > 0 ? `${below} or ${below + step}` : String(step);
  throw new EngineError(
    'optionInvalid',
    `${what} ${ms} ms must be a multiple of the ${isInterval ? 'batch interval' : 'slide of its stream'} ${step} ms; try ${cure} (${node.label})`,
  );
}
