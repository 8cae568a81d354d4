/** What functions of text are made of: characters are code points, order is that of UTF-8 bytes. */
import { hasSurrogates } from '../core/compare-text.js';

export { compareText, hasSurrogates } from '../core/compare-text.js';

/** Number of code points. */
export function countCharacters(text: string): number {
  if (!hasSurrogates(text)) return text.length;
  let count = 0;
  for (const _ of text) count++;
  return count;
}

/** Characters from position `start` (1 is the first, -1 the last) on, `length` of them, as SQL cuts. */
export function substringOf(text: string, start: number, length: number): string {
  const characters = hasSurrogates(text) ? [...text] : undefined;
  const size = characters?.length ?? text.length;
  const from = start > 0 ? start - 1 : start < 0 ? size + start : 0;
  const to = from + length;
  if (to <= from) return '';
  const [first, last] = [Math.max(0, from), Math.max(0, to)];
  return characters === undefined ? text.slice(first, last) : characters.slice(first, last).join('');
}

/** One step of a LIKE pattern: a character, any character, or any text. */
export type LikeStep = string | typeof ANY_CHARACTER | typeof ANY_TEXT;
export const ANY_CHARACTER = 0;
export const ANY_TEXT = 1;

/** The steps of a pattern: `%` and `_`, and a backslash before what stands for itself. */
export function likeSteps(pattern: string): readonly LikeStep[] {
  const steps: LikeStep[] = [];
  const characters = [...pattern];
  for (let i = 0; i < characters.length; i++) {
    const character = characters[i] ?? '';
    if (character === '\\' && i + 1 < characters.length) steps.push(characters[++i] ?? '');
    else if (character === '%') steps.push(ANY_TEXT);
    else steps.push(character === '_' ? ANY_CHARACTER : character);
  }
  return steps;
}

/**
 * A matcher for a LIKE pattern. Its cost is at most pattern times text: what a `%` takes is only ever extended for the
 * last one, because an earlier one cannot do better.
 */
export function likeMatcher(pattern: string): (text: string) => boolean {
  const steps = likeSteps(pattern);
  return text => matches(steps, hasSurrogates(text) ? [...text] : text);
}

function matches(steps: readonly LikeStep[], text: ArrayLike<string>): boolean {
  let at = 0;
  let step = 0;
  /** The step behind the last `%`, and where the text that it takes ends. */
  let resumeStep = -1;
  let resumeAt = 0;
  while (at < text.length) {
    const wanted = steps[step];
    if (wanted === ANY_TEXT) {
      resumeStep = ++step;
      resumeAt = at;
    } else if (wanted !== undefined && (wanted === ANY_CHARACTER || wanted === text[at])) {
      step++;
      at++;
    } else if (resumeStep >= 0) {
      step = resumeStep;
      at = ++resumeAt;
    } else return false;
  }
  while (steps[step] === ANY_TEXT) step++;
  return step === steps.length;
}

/** Text that is well-formed: half a surrogate pair is U+FFFD, as it is once written as UTF-8. */
export const wellFormed = (text: string): string => (hasSurrogates(text) ? Buffer.from(text).toString() : text);
