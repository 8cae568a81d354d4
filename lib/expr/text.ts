/** What functions of text are made of: characters are code points, order is that of UTF-8 bytes. */
import { hasSurrogates } from '../core/compare-text.js';
import { ANY_CHARACTER, ANY_TEXT, matchesWildcards, type WildcardStep } from '../core/wildcards.js';

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

/** The steps of a pattern: `%` and `_`, and a backslash before what stands for itself. */
export function likeSteps(pattern: string): readonly WildcardStep[] {
  const steps: WildcardStep[] = [];
  const characters = [...pattern];
  for (let i = 0; i < characters.length; i++) {
    const character = characters[i] ?? '';
    if (character === '\\' && i + 1 < characters.length) steps.push(characters[++i] ?? '');
    else if (character === '%') steps.push(ANY_TEXT);
    else steps.push(character === '_' ? ANY_CHARACTER : character);
  }
  return steps;
}

/** A matcher for a LIKE pattern. */
export function likeMatcher(pattern: string): (text: string) => boolean {
  const steps = likeSteps(pattern);
  return text => matchesWildcards(steps, hasSurrogates(text) ? [...text] : text);
}

/** Text that is well-formed: half a surrogate pair is U+FFFD, as it is once written as UTF-8. */
export const wellFormed = (text: string): string => (hasSurrogates(text) ? Buffer.from(text).toString() : text);
