const ANY_TEXT = '*';
const ANY_CHARACTER = '?';

/**
 * A matcher for a pattern in which `*` stands for any text and `?` for one character. A name costs at most its length times
 * the pattern's: names come from whoever may write to a folder, and a regular expression of the same meaning could be
 * kept busy for ages by one of `aaaaaaaa`. What a `*` takes is only ever extended for the last one, because an earlier one
 * cannot do better.
 */
export function globMatcher(pattern: string): (name: string) => boolean {
  const steps = [...pattern];
  return name => matches(steps, [...name]);
}

function matches(steps: readonly string[], name: readonly string[]): boolean {
  let step = 0;
  let at = 0;
  /** The step behind the last `*`, and where the text that it takes ends. */
  let resumeStep = -1;
  let resumeAt = 0;
  while (at < name.length) {
    if (steps[step] === ANY_TEXT) {
      resumeStep = ++step;
      resumeAt = at;
    } else if (step < steps.length && (steps[step] === ANY_CHARACTER || steps[step] === name[at])) {
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
