/** Results as tables of Markdown, a section for each benchmark. */

/** One line of what a benchmark printed. */
export interface ResultLine {
  readonly benchmark: string;
  readonly machine: { readonly cores: number; readonly cpu: string; readonly node: string };
  readonly [field: string]: unknown;
}

interface Throughput {
  readonly system: string;
  readonly form: string;
  readonly start: string;
  readonly threads: number;
  readonly perCpuSecond: { readonly median: number };
  readonly [field: string]: unknown;
}

/** The form of a job, and whether its code was compiled when time began. */
export const formOf = ({ form, start }: { readonly form: string; readonly start: string }): string =>
  form + (start === 'warm' ? ', warm' : '');

export const isThroughput = (line: object): line is ResultLine & Throughput => 'perCpuSecond' in line;

/** A section for each benchmark, by its name. */
export function sections(lines: readonly ResultLine[]): Map<string, string> {
  const names = [...new Set(lines.map(line => line.benchmark))];
  return new Map(names.map(name => [name, section(lines.filter(line => line.benchmark === name))]));
}

function section(lines: readonly ResultLine[]): string {
  const throughput = lines.filter(isThroughput);
  const rows = throughput.length > 0 ? throughputRows(throughput) : plainRows(lines);
  return markdownTable(rows);
}

/** Sluice's forms first, then what did most for a CPU-second; the last column is how many times that Sluice does. */
function throughputRows(lines: readonly (ResultLine & Throughput)[]): Row[] {
  const rate = (line: Throughput): number => line.perCpuSecond.median;
  const ours = lines.filter(line => line.system === 'sluice');
  const others = lines.filter(line => line.system !== 'sluice').toSorted((a, b) => rate(b) - rate(a));
  return [...ours, ...others].map(line => ({
    system: line.system === 'sluice' ? '**sluice**' : line.system,
    form: formOf(line),
    threads: String(line.threads),
    'records per CPU-second': figure(line.perCpuSecond),
    'records per second': figure(line['perSecond']),
    'GB/s': figure(line['gbPerSecond']),
    'RSS, MB': figure(line['rssMb']),
    'batch, ms': line['batchMs'] === undefined ? '' : figure(line['batchMs']),
    ...Object.fromEntries(
      ours.map(our => [
        `sluice ${formOf(our)} is`,
        line.system === 'sluice' ? '' : `${(rate(our) / rate(line)).toPrecision(2)} x`,
      ]),
    ),
  }));
}

const NOT_SHOWN = ['benchmark', 'machine', 'version'];

function plainRows(lines: readonly ResultLine[]): Row[] {
  return lines.map(line =>
    Object.fromEntries(
      Object.entries(line).flatMap(([field, value]) => (NOT_SHOWN.includes(field) ? [] : [[field, figure(value)]])),
    ),
  );
}

/** A figure as people read it: `1.2 M (1.1 M - 1.3 M)` for a median with its spread, `2.1 / 4.5` for percentiles. */
export function figure(value: unknown): string {
  if (typeof value === 'number') return quantity(value);
  if (value === null || typeof value !== 'object') return String(value);
  if ('median' in value && 'min' in value && 'max' in value) {
    const range = value.min === value.max ? '' : ` (${figure(value.min)} - ${figure(value.max)})`;
    return figure(value.median) + range;
  }
  const parts = Object.entries(value);
  const names = parts.map(([name]) => name);
  const figures = parts.map(([, part]) => figure(part)).join(' / ');
  return names.every(name => /^p\d+$/.test(name)) ? figures : `${figures} (${names.join(' / ')})`;
}

function quantity(value: number): string {
  if (Number.isInteger(value) && value < 100_000) return String(value);
  if (value >= 1e6) return `${(value / 1e6).toPrecision(3)} M`;
  if (value >= 1e4) return `${Math.round(value / 1000)} k`;
  return value >= 100 ? String(Math.round(value)) : value.toPrecision(2);
}

type Row = Readonly<Record<string, string>>;

function markdownTable(rows: readonly Row[]): string {
  const columns = [...new Set(rows.flatMap(row => Object.keys(row)))];
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  return [
    line(columns),
    line(columns.map(() => '---')),
    ...rows.map(row => line(columns.map(column => row[column] ?? ''))),
  ].join('\n');
}
