/** Conditions on columns that kernels can test, as data. What they mean stands in `predicate.ts`. */
export type ComparisonOp = 'eq' | 'ne' | 'lt' | 'le' | 'gt' | 'ge';

export type Predicate =
  | { readonly op: ComparisonOp; readonly column: string; readonly value: string | number | boolean }
  | { readonly op: 'and' | 'or'; readonly left: Predicate; readonly right: Predicate }
  | { readonly op: 'not'; readonly input: Predicate }
  | { readonly op: 'isNull'; readonly column: string };
