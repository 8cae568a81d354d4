import type { ColumnKind } from '../core/schema.js';

/** Codes of the kinds in calls to the kernels. */
export const KIND_CODE: Record<ColumnKind, number> = { utf8: 0, int32: 1, int64: 2, float64: 3, bool: 4, timestamp: 5 };

/** Bytes of one value in `ColumnVector.values`; of utf8 it is the slice's address. */
export const VALUE_BYTES: Record<ColumnKind, 1 | 4 | 8> = {
  utf8: 4,
  int32: 4,
  int64: 8,
  float64: 8,
  bool: 1,
  timestamp: 8,
};
