import type { Json } from '../core/json.js';
import type { BatchInput } from '../metrics/run-events.js';
import type { Plan } from '../plan/node.js';
import { fileRangeOf } from '../sources/file-range.js';

/** Pieces of one source that are named one by one. */
const MAX_NAMED = 20;

/** What a batch reads of each of its sources, for people; a source of which it reads nothing is left out. */
export function describeInputs(
  ranges: { readonly [source: string]: readonly Json[] },
  { nodes }: Plan,
): readonly BatchInput[] {
  return nodes.flatMap(({ operation }): BatchInput[] => {
    if (operation.kind !== 'source') return [];
    const { sourceId, spec } = operation;
    const read = ranges[sourceId] ?? [];
    if (read.length === 0) return [];
    return [{ source: sourceId, description: describe(spec.kind, read) }];
  });
}

function describe(kind: string, ranges: readonly Json[]): string {
  switch (kind) {
    case 'file':
      return listed(piecesOf(ranges));
    case 'rate':
      return listed(spansOf(ranges));
    default:
      // What other ranges hold is the business of their source; that of a queue is the rows themselves.
      return ranges.length === 1 ? '1 partition' : `${ranges.length} partitions`;
  }
}

function* piecesOf(ranges: readonly Json[]): Generator<string> {
  for (const range of ranges) {
    for (const { file, start, end } of fileRangeOf(range).pieces) yield `${file} bytes ${start} to ${end}`;
  }
}

function* spansOf(ranges: readonly Json[]): Generator<string> {
  for (const { from, to } of ranges as readonly { readonly from: number; readonly to: number }[]) {
    yield `rows ${from} to ${to}`;
  }
}

/** One a line, the first of them; a batch may have any number. */
function listed(names: Iterable<string>): string {
  const shown: string[] = [];
  let numMore = 0;
  for (const name of names) {
    if (shown.length < MAX_NAMED) shown.push(name);
    else numMore++;
  }
  return [...shown, ...(numMore > 0 ? [`and ${numMore} more`] : [])].join('\n');
}
