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

/** What one task reads of a source, on one line; undefined where its range says nothing to people. */
export function describeRange(kind: string, range: Json): string | undefined {
  return kind === 'file' || kind === 'rate' ? describe(kind, [range]).replaceAll('\n', ', ') : undefined;
}

function describe(kind: string, ranges: readonly Json[]): string {
  switch (kind) {
    case 'file':
      return listed(
        ranges.flatMap(range => fileRangeOf(range).pieces),
        ({ file, start, end }) => `${file} bytes ${start} to ${end}`,
      );
    case 'rate':
      return listed(ranges as readonly unknown[] as readonly RateRange[], ({ from, to }) => `rows ${from} to ${to}`);
    default:
      // What other ranges hold is the business of their source; that of a queue is the rows themselves.
      return ranges.length === 1 ? '1 partition' : `${ranges.length} partitions`;
  }
}

interface RateRange {
  readonly from: number;
  readonly to: number;
}

/** One a line, the first of them; a batch may have any number. */
function listed<T>(items: readonly T[], format: (item: T) => string): string {
  const lines = items.slice(0, MAX_NAMED).map(format);
  if (items.length > MAX_NAMED) lines.push(`and ${items.length - MAX_NAMED} more`);
  return lines.join('\n');
}
