// Kernels of expressions: functions of text over whole columns, and the rows that a condition selects.
export * from './gather';
export { textContains, textIsDense, textContainsDense, textStarts, textEquals, textOrder } from './text-search';
export { textLike } from './text-like';
export { textLengths, textCase } from './text-case';
