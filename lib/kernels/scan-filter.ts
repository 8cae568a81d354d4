// The filter of a decoder: a record is decoded and checked as if there were none, then tested on the columns, and one
// that fails gives its row to the next. Tests in a row, of which each begins or goes on with a list of alternatives; a
// record passes when of each list one is true. What compares with null is not true.
//
//   test, u32 each: 0 column entry (scan-column.ts)   4 what is tested: 0 numbers, 1 text, 2 whether it is null
//                   8 orders that are wanted (numbers): 1 less, 2 equal, 4 greater   12 not 0 = turned round
//                   16, 20 address and length of a text   24 f64 the number   32 not 0 = ends its list     40 bytes in all
//
// The layout is written by lib/columnar/decode-filter.ts.

import { isNull, KIND, lengthsOf, valuesOf } from './scan-column';
import { sameBytes } from './scan-bytes';

const TEST_BYTES: usize = 40;
const TEXT: u32 = 1;
const NULL: u32 = 2;

// @ts-ignore: decorator
@inline
function ordered<T>(values: usize, row: u32, wanted: u32, constant: f64): u32 {
  const value = <f64>load<T>(values + <usize>row * sizeof<T>());
  return (u32(value < constant) | (u32(value == constant) << 1) | (u32(value > constant) << 2)) & wanted;
}

// @ts-ignore: decorator
@inline
function isHit(test: usize, row: u32): u32 {
  const column: usize = load<u32>(test);
  const what = load<u32>(test, 4);
  const turned = load<u32>(test, 12);
  const absent = isNull(column, row);
  if (what == NULL) return absent ^ turned;
  const values = valuesOf(column);
  let hit: u32 = 0;
  if (what == TEXT) {
    const at: usize = load<u32>(values + (<usize>row << 2));
    const text: usize = load<u32>(test, 16);
    const length = load<u32>(test, 20);
    // Without a branch on what the record holds, which is what cannot be predicted. No text, no address.
    const sameLength = load<u32>(lengthsOf(column) + (<usize>row << 2)) == length;
    hit = u32(sameLength);
    if (length != 0) hit &= u32(sameBytes(select<usize>(at, text, sameLength), text, length));
  } else {
    const wanted = load<u32>(test, 8);
    const constant = load<f64>(test, 24);
    switch (load<u32>(column, KIND)) {
      case 1:
        hit = ordered<i32>(values, row, wanted, constant);
        break;
      case 3:
        hit = ordered<f64>(values, row, wanted, constant);
        break;
      case 4:
        hit = ordered<u8>(values, row, wanted, constant);
        break;
      default:
        hit = ordered<i64>(values, row, wanted, constant);
    }
    hit = u32(hit != 0);
  }
  return (hit ^ turned) & (absent ^ 1);
}

/** 1 when the row passes all tests, else 0. */
export function rowPasses(tests: usize, testsEnd: usize, row: u32): u32 {
  let passes: u32 = 1;
  let hit: u32 = 0;
  for (let test = tests; test < testsEnd; test += TEST_BYTES) {
    hit |= isHit(test, row);
    if (load<u32>(test, 32) == 0) continue;
    passes &= hit;
    hit = 0;
  }
  return passes;
}
