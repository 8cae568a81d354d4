/** What the values of one key on both sides become in each kind of join: pairs, left values in their order first. */

type Groups<V, W> = readonly [readonly V[], readonly W[]];

export const inner = <V, W>([left, right]: Groups<V, W>): [V, W][] =>
  left.flatMap(v => right.map((w): [V, W] => [v, w]));

export const leftOuter = <V, W>([left, right]: Groups<V, W>): [V, W | null][] => inner([left, orNull(right)]);

export const rightOuter = <V, W>([left, right]: Groups<V, W>): [V | null, W][] => inner([orNull(left), right]);

export const fullOuter = <V, W>([left, right]: Groups<V, W>): [V | null, W | null][] =>
  inner([orNull(left), orNull(right)]);

const orNull = <V>(values: readonly V[]): readonly (V | null)[] => (values.length === 0 ? [null] : values);
