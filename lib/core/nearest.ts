/**
 * Which of the known names somebody most likely meant, or undefined when none is close: at most one edit in three
 * letters. For "did you mean" in messages.
 */
export function nearest(word: string, names: Iterable<string>): string | undefined {
  let best: string | undefined;
  let bestEdits = Math.max(1, Math.floor(word.length / 3)) + 1;
  for (const name of names) {
    const edits = editDistance(word.toLowerCase(), name.toLowerCase());
    if (edits < bestEdits) {
      best = name;
      bestEdits = edits;
    }
  }
  return best;
}

/** `; did you mean 'interval'?`, or nothing when no name is close. */
export function didYouMean(word: string, names: Iterable<string>): string {
  const name = nearest(word, names);
  return name === undefined ? '' : `; did you mean '${name}'?`;
}

/** How many letters must be put in, left out, replaced or swapped with their neighbour to make `b` of `a`. */
export function editDistance(a: string, b: string): number {
  const width = b.length + 1;
  const edits = new Uint32Array((a.length + 1) * width);
  for (let i = 0; i <= a.length; i++) {
    for (let j = 0; j <= b.length; j++) {
      const at = i * width + j;
      if (i === 0 || j === 0) {
        edits[at] = i + j;
        continue;
      }
      const replaced = edits[at - width - 1] + (a[i - 1] === b[j - 1] ? 0 : 1);
      edits[at] = Math.min(replaced, edits[at - width] + 1, edits[at - 1] + 1);
      const isSwap = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      if (isSwap) edits[at] = Math.min(edits[at], edits[at - 2 * width - 2] + 1);
    }
  }
  return edits[edits.length - 1];
}
