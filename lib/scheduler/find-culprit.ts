/**
 * Finds the one unit of many that makes something fail, by halves:
 *
 *   units    0 1 2 3 4 5 6 7      5 fails
 *   tried    0 1 2 3              passes: it is behind
 *                    4 5          fails
 *                    4            passes
 *                      5          fails: it is found
 *
 * All halves together are as much work as all units once. Where neither half fails by itself, the units fail only
 * together: then beginnings are tried, and the last unit of the shortest one that fails is the culprit.
 */
export interface Culprit {
  readonly at: number;
  /** Whether it fails by itself; else it needs those before it. */
  readonly isAlone: boolean;
}

/**
 * @param count how many there are, at least 1; all of them together fail
 * @param fails whether the units from `from` up to the one before `to` fail without the others
 */
export async function findCulprit(
  count: number,
  fails: (from: number, to: number) => Promise<boolean>,
): Promise<Culprit> {
  const middleOf = (from: number, to: number): number => from + Math.floor((to - from) / 2);
  let from = 0;
  let to = count;
  let wasSeen = false;
  while (to - from > 1) {
    const middle = middleOf(from, to);
    wasSeen = await fails(from, middle);
    if (wasSeen) to = middle;
    else from = middle;
  }
  if (wasSeen || (await fails(from, to))) return { at: from, isAlone: true };
  let passing = 0;
  let failing = count;
  while (failing - passing > 1) {
    const middle = middleOf(passing, failing);
    if (await fails(0, middle)) failing = middle;
    else passing = middle;
  }
  return { at: failing - 1, isAlone: false };
}
