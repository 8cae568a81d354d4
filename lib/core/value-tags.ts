/** The tag bytes of encoded values; the format is in `value-codec.ts`. */
export const UNDEFINED = 0x00;
export const NULL = 0x01;
export const FALSE = 0x02;
export const TRUE = 0x03;
export const NOT_A_NUMBER = 0x04;
export const FLOAT64 = 0x05;
export const INT = 0x06;
export const ASCII = 0x07;
export const UTF8 = 0x08;
export const UTF16 = 0x09;
export const BIGINT = 0x0a;
export const DATE = 0x0b;
export const BYTES = 0x0c;
export const BUFFER = 0x0d;
export const ARRAY = 0x0e;
export const OBJECT = 0x0f;
export const MAP = 0x10;
export const SET = 0x11;
/** Added to the length of an ASCII string shorter than `SHORT_STRING_LIMIT`. */
export const SHORT_STRING = 0x40;
export const SHORT_STRING_LIMIT = 64;
/** Added to an integer below `SMALL_INT_LIMIT`. */
export const SMALL_INT = 0x80;
export const SMALL_INT_LIMIT = 128;

/** Arrays, objects, Maps and Sets inside one another: deeper is refused, long before the stack would end. */
export const MAX_NESTING = 200;
