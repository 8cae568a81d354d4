/** Where in a file bytes lie that were moved out of memory, and what their checksum is. */
export interface FilePlace {
  /** Absolute. */
  readonly path: string;
  readonly position: number;
  readonly crc32: number;
}
