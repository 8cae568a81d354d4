/**
 * What of a run can be compared with another run on another day: ratios of things measured side by side. Higher is
 * better in each.
 */
import { formOf, isThroughput, type ResultLine } from './table.js';

export type Ratios = { readonly [name: string]: number };

/** A ratio below this share of the one it is compared with is a regression; less is a shared machine's noise. */
const TOLERANCE = 0.8;

export function ratiosOf(lines: readonly ResultLine[]): Ratios {
  return Object.fromEntries([...againstNode(lines), ...scaling(lines), ...flatness(lines)]);
}

/** Each form of Sluice by CPU-second against the best that plain Node did with the same input. */
function againstNode(lines: readonly ResultLine[]): [string, number][] {
  const throughput = lines.filter(isThroughput);
  return throughput.flatMap((line): [string, number][] => {
    if (line.system !== 'sluice') return [];
    const node = throughput.filter(({ benchmark, system }) => benchmark === line.benchmark && system === 'node');
    if (node.length === 0) return [];
    const best = Math.max(...node.map(({ perCpuSecond }) => perCpuSecond.median));
    return [[`${line.benchmark}, ${formOf(line)}, against plain Node`, line.perCpuSecond.median / best]];
  });
}

function scaling(lines: readonly ResultLine[]): [string, number][] {
  return lines.flatMap((line): [string, number][] => {
    if (line.benchmark !== 'scaling' || !(Number(line['workers']) > 1)) return [];
    const name = `scaling, ${String(line['work'])}, ${String(line['workers'])} workers`;
    const warm = Number(line['warmTimesOne'] ?? Number.NaN);
    return [
      [name, Number(line['timesOne'])] as [string, number],
      ...(warm > 0 ? [[`${name}, warm`, warm] as [string, number]] : []),
    ];
  });
}

/** A batch of the shortest window against one of the longest, where totals are kept. */
function flatness(lines: readonly ResultLine[]): [string, number][] {
  const windows = lines
    .filter(line => line.benchmark === 'windows' && line['totals'] === true)
    .toSorted((a, b) => Number(a['windowBatches']) - Number(b['windowBatches']));
  const [first, last] = [windows[0], windows.at(-1)];
  if (first === undefined || last === undefined || first === last) return [];
  const p50 = (line: ResultLine): number => (line['batchMs'] as { p50: number }).p50;
  return [['windows, shortest against longest', p50(first) / p50(last)]];
}

/** What became worse than it was, a sentence each. Ratios that only one of the two has are not compared. */
export function regressions(now: Ratios, baseline: Ratios): string[] {
  return Object.entries(now).flatMap(([name, ratio]) => {
    const before = baseline[name];
    if (before === undefined || ratio >= before * TOLERANCE) return [];
    return [`${name}: ${ratio.toPrecision(3)}, was ${before.toPrecision(3)}`];
  });
}
