/**
 * A block that is not what its reference says: freed and used again, cut short or overwritten. The task that reads it
 * fails without being blamed, as with a block that is gone, and the one that wrote it runs again.
 */
export class BlockDamaged extends Error {
  override readonly name = 'BlockDamaged';

  constructor(wanted: string, found: string, options?: { readonly cause: unknown }) {
    super(`a block wants ${wanted}, found ${found}`, options);
  }
}
