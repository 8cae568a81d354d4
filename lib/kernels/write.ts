// Kernels that put text out.
export { writeLines } from './write-lines';
export { integerLengths, integerTexts, concatLengths, concatTexts } from './write-text';
