import { ANY_CHARACTER, ANY_TEXT, matchesWildcards, type WildcardStep } from '../core/wildcards.js';

/** A matcher for a pattern in which `*` stands for any text and `?` for one character. */
export function globMatcher(pattern: string): (name: string) => boolean {
  const steps = [...pattern].map((character): WildcardStep =>
    character === '*' ? ANY_TEXT : character === '?' ? ANY_CHARACTER : character,
  );
  return name => matchesWildcards(steps, [...name]);
}
