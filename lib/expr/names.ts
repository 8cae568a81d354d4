/** The names of a row's columns; none for rows that are no objects with named fields. */
export type NamesOf<R> = R extends readonly unknown[] ? never : R extends object ? keyof R & string : never;

/**
 * The rows an expression fits that reads column `N` as `V`: a row type that lacks the column, or has another type
 * there, is not assignable to it. A name that is only known at run time is checked when the job is built.
 */
export type Reads<N extends string, V> = string extends N ? unknown : { readonly [K in N]: V | null };
