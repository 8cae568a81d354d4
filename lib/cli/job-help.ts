import { ENGINE_OPTIONS, envNameOf, formatDefault, type OptionInfo } from '../core/options.js';
import { formatArgDefault, type JobArgInfo } from '../core/job-args.js';

/** The engine's options, from their table, for `sluice run --help`. */
export function optionsHelp(): string {
  const rows = Object.entries<OptionInfo>(ENGINE_OPTIONS).map(([name, info]): [string, string] => [
    name,
    `${info.doc} (default: ${formatDefault(info)})`,
  ]);
  const example = envNameOf('checkpointInterval');
  return section(`Engine options (--option name=value, or in the environment as ${example}=value):`, rows);
}

/** A job's own arguments, for `sluice run JOB --help`. */
export function argsHelp(job: string, args: readonly JobArgInfo[]): string {
  if (args.length === 0) return `The job ${job} has no arguments of its own.\n`;
  const rows = args.map((info): [string, string] => [
    `${info.name} <${info.choices?.join('|') ?? info.type}>`,
    `${info.help} (default: ${formatArgDefault(info)})`,
  ]);
  return section(`Arguments of ${job} (--arg name=value):`, rows);
}

function section(title: string, rows: readonly (readonly [string, string])[]): string {
  const width = Math.max(...rows.map(([name]) => name.length));
  return `${title}\n${rows.map(([name, text]) => `  ${name.padEnd(width)}  ${text}\n`).join('')}`;
}
