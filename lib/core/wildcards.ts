/** Patterns of characters and wildcards, as those of LIKE and of file names. */

/** One step of a pattern: a character, any one character, or any text. */
export type WildcardStep = string | typeof ANY_CHARACTER | typeof ANY_TEXT;
export const ANY_CHARACTER = 0;
export const ANY_TEXT = 1;

/**
 * Whether all of a text matches. Costs at most its length times the pattern's, where a regular expression of the same
 * meaning could be kept busy for ages by a text that somebody chose: what an `ANY_TEXT` takes is only ever extended for
 * the last one, because an earlier one cannot do better.
 *
 * @param text its characters
 */
export function matchesWildcards(steps: readonly WildcardStep[], text: ArrayLike<string>): boolean {
  let at = 0;
  let step = 0;
  /** The step behind the last `ANY_TEXT`, and where the text that it takes ends. */
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
