import type { Format } from './format.js';
import type { Column } from './schema.js';

/** What a version of a static table is made of: the bytes of a file in a format, or values of the job, encoded. */
export type TableContent =
  | { readonly kind: 'file'; readonly path: string; readonly format: Format }
  | { readonly kind: 'rows'; readonly columns: readonly Column[] };

/** The columns of the table. */
export const columnsOfTable = (content: TableContent): readonly Column[] =>
  content.kind === 'file' ? content.format.columns : content.columns;
