// Kernels that read input bytes: find structure, check UTF-8, parse fields into columns.
export { csvCount, csvIndex, lineCount, lastLineEnd } from './scan-structure';
export { csvDecode } from './scan-csv';
export { jsonDecode } from './scan-json';
export { rowPasses } from './scan-filter';
export { textLines, wordCount, textWords, gatherText, cutText } from './scan-text';
export { validUtf8 } from './scan-utf8';
export {
  arrowNumbers, arrowUnsafe, arrowInstants, arrowBits, arrowTexts, arrowTextClass, arrowTextCuts, arrowEntries,
} from './arrow-read';
