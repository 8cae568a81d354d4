/** For the compiler: the rows that come out of operations on columns. */
import type { Expr, ValueIn } from '../expr/expr.js';

/** Written out, so that messages show the row's columns. */
type Flat<T> = { readonly [K in keyof T]: T[K] };

/** The row of a selection `{ name: expression }` over rows T. */
export type Selected<T, S> = { readonly [K in keyof S]: ValueIn<S[K], T> };
export type WithColumn<T, N extends string, E> = Flat<Omit<T, N> & { readonly [K in N]: ValueIn<E, T> }>;
export type Exploded<T, N extends string> = Flat<Omit<T, N> & { readonly [K in N]: string }>;
export type Picked<T, N> = { readonly [K in keyof T as K extends N ? K : never]: T[K] };
export type Dropped<T, N> = { readonly [K in keyof T as K extends N ? never : K]: T[K] };
export type Renamed<T, M> = {
  readonly [K in keyof T as K extends keyof M ? (M[K] extends string ? M[K] : K) : K]: T[K];
};

/** An expression that reads rows T. */
export type ExprOver<T> = Expr<T, unknown, string, string>;
export type SelectionOver<T> = Readonly<Record<string, ExprOver<T>>>;
