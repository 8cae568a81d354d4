// Kernels of operations on columns: functions of text, the rows that a condition selects, order, columns moved as they are.
export * from './gather';
export { textContains, textIsDense, textContainsDense, textStarts, textEquals, textOrder } from './text-search';
export { textLike } from './text-like';
export { textLengths, textCase } from './text-case';
export { sortMeasure, sortAppend, sortRows, sortBefore } from './sort-keys';
export { packText, bitsAppend, rowsByPartition, firstOfGroups } from './column-pack';
export { textSplit } from './text-split';
