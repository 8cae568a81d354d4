/**
 * The values of the engine's options (`option-table.ts`). A value is taken from the first of: command line (`--interval 2s`, `--option name=value`),
 * environment (`SLUICE_INTERVAL=2s`), the job file (`options: { interval: '2s' }`), the default. A program that embeds
 * Sluice gives options in the place of a command line.
 */
import { availableParallelism, totalmem } from 'node:os';
import { formatBinaryBytes, parseBytes } from './byte-size.js';
import { EngineError } from './errors.js';
import { didYouMean, nearest } from './nearest.js';
import {
  ENGINE_OPTIONS,
  type EngineOptions,
  type NumberOptionInfo,
  type OptionInfo,
  type OptionName,
} from './option-table.js';
import { formatDuration, parseDuration } from './time.js';

export {
  DEPLOYMENT_OPTIONS,
  ENGINE_OPTIONS,
  type DeclaredOptions,
  type DeploymentOption,
  type EngineOptions,
  type OptionInfo,
  type OptionName,
} from './option-table.js';

export type OptionOrigin = 'command line' | 'program' | 'environment' | 'checkpoint' | 'job' | 'default';

export interface ResolvedOptions {
  readonly values: EngineOptions;
  readonly origins: { readonly [N in OptionName]: OptionOrigin };
}

/** An option's value as it is given or recorded. */
export type OptionText = string | number | boolean;

export interface OptionLayers {
  readonly cli?: { readonly [name: string]: string | undefined };
  /** What a program that embeds Sluice gives, in the place of a command line. */
  readonly program?: { readonly [name: string]: OptionText | undefined };
  /** The process's environment; only `SLUICE_...` is looked at. */
  readonly env?: { readonly [name: string]: string | undefined };
  /** What the run of a checkpoint was started with. */
  readonly checkpoint?: { readonly [name: string]: OptionText };
  readonly job?: { readonly [name: string]: OptionText | undefined };
}

/** `checkpointInterval` -> `SLUICE_CHECKPOINT_INTERVAL`. */
export const envNameOf = (option: string): string =>
  `SLUICE_${option.replace(/[A-Z]/g, letter => `_${letter}`).toUpperCase()}`;

/** Every option's value and where it came from. Throws `optionUnknown`, `optionInvalid`. */
export function resolveOptions(layers: OptionLayers): ResolvedOptions {
  refuseUnknown(layers.cli ?? {}, 'on the command line');
  refuseUnknown(layers.program ?? {}, "in the program's options");
  refuseUnknown(layers.checkpoint ?? {}, 'in what the checkpoint says of its run');
  refuseUnknown(layers.job ?? {}, "in the job's options");
  refuseMisspeltEnv(layers.env ?? {});
  const values: Record<string, number | boolean | string> = {};
  const origins: Record<string, OptionOrigin> = {};
  for (const [name, info] of Object.entries<OptionInfo>(ENGINE_OPTIONS)) {
    const [text, origin] = firstGiven(name, layers);
    values[info.field] = text === undefined ? defaultOf(info) : parseOption(name, info, text, origin);
    origins[name] = origin;
  }
  return { values: values as unknown as EngineOptions, origins: origins as ResolvedOptions['origins'] };
}

/** The options that this run was given, by name, in milliseconds and bytes: neither the job's own nor defaults. */
export function givenOptions({ values, origins }: ResolvedOptions): { readonly [name: string]: OptionText } {
  const given = Object.entries<OptionInfo>(ENGINE_OPTIONS).filter(
    ([name]) => !['job', 'default'].includes(origins[name as OptionName]),
  );
  return Object.fromEntries(given.map(([name, { field }]) => [name, values[field as keyof EngineOptions]]));
}

/** The default as somebody would write it: `500 ms`, `64MiB`, `number of cores`. */
export function formatDefault(info: OptionInfo): string {
  if (info.type === 'boolean') return String(info.default);
  if (info.default === 'cores') return 'number of cores';
  if (info.default === 'halfOfMemory') return 'half of the memory';
  return typeof info.default === 'string' ? info.default : formatValue(info, info.default);
}

function firstGiven(name: string, layers: OptionLayers): [text: OptionText | undefined, origin: OptionOrigin] {
  const cli = layers.cli?.[name];
  if (cli !== undefined) return [cli, 'command line'];
  const program = layers.program?.[name];
  if (program !== undefined) return [program, 'program'];
  const env = layers.env?.[envNameOf(name)];
  if (env !== undefined && env !== '') return [env, 'environment'];
  const checkpoint = layers.checkpoint?.[name];
  if (checkpoint !== undefined) return [checkpoint, 'checkpoint'];
  const job = layers.job?.[name];
  if (job !== undefined) return [job, 'job'];
  return [undefined, 'default'];
}

function parseOption(
  name: string,
  info: OptionInfo,
  text: OptionText,
  origin: OptionOrigin,
): number | boolean | string {
  const what = `${origin === 'environment' ? envNameOf(name) : `option ${name}`} (${origin})`;
  if (info.type === 'boolean') return parseBoolean(name, text, what);
  if (info.type === 'choice') return parseChoice(name, info.choices, text, what);
  const value = parseByType(info, text, what);
  if (!(value >= info.min && value <= info.max) || (info.type !== 'number' && !Number.isInteger(value))) {
    throw new EngineError(
      'optionInvalid',
      `${what} wants ${describeType(info)} from ${formatValue(info, info.min)} to ${formatValue(info, info.max)}, got '${text}'`,
      { detail: { option: name } },
    );
  }
  if (info.type === 'powerOfTwo' && (value & (value - 1)) !== 0) {
    const below = 2 ** Math.floor(Math.log2(value));
    throw new EngineError(
      'optionInvalid',
      `${what} wants a power of two, got '${text}': try ${below} or ${below * 2}`,
      {
        detail: { option: name },
      },
    );
  }
  return value;
}

function parseChoice(name: string, choices: readonly string[], text: OptionText, what: string): string {
  const word = String(text).trim();
  if (choices.includes(word)) return word;
  throw new EngineError(
    'optionInvalid',
    `${what} wants ${choices.join(' or ')}, got '${text}'${didYouMean(word, choices)}`,
    {
      detail: { option: name },
    },
  );
}

function parseBoolean(name: string, text: OptionText, what: string): boolean {
  const word = String(text).trim();
  if (word === 'true' || word === 'false') return word === 'true';
  throw new EngineError('optionInvalid', `${what} wants true or false, got '${text}'`, { detail: { option: name } });
}

function parseByType(info: NumberOptionInfo, text: OptionText, what: string): number {
  if (typeof text !== 'string' && typeof text !== 'number') return Number.NaN;
  switch (info.type) {
    case 'duration':
      return parseDuration(text, what);
    case 'bytes':
      return parseBytes(text, what);
    case 'integer':
    case 'powerOfTwo':
      return /^\s*\d+\s*$/.test(String(text)) ? Number(text) : Number.NaN;
    case 'number':
      return /^\s*\d+(\.\d+)?\s*$/.test(String(text)) ? Number(text) : Number.NaN;
  }
}

function describeType(info: NumberOptionInfo): string {
  switch (info.type) {
    case 'duration':
      return 'a duration in whole milliseconds';
    case 'bytes':
      return 'a size';
    case 'integer':
      return 'an integer';
    case 'powerOfTwo':
      return 'a power of two';
    case 'number':
      return 'a number';
  }
}

function formatValue(info: NumberOptionInfo, value: number): string {
  if (info.type === 'duration') return formatDuration(value);
  if (info.type === 'bytes') return formatBinaryBytes(value);
  return String(value);
}

function defaultOf(info: OptionInfo): number | boolean | string {
  if (info.type === 'choice' || info.type === 'boolean') return info.default;
  if (info.default === 'cores') return Math.min(info.max, Math.max(1, availableParallelism()));
  if (info.default === 'halfOfMemory') return Math.min(info.max, Math.max(info.min, Math.floor(memoryBytes() / 2)));
  return info.default;
}

/** Memory of the machine, or of the container or other control group that the process is in. */
function memoryBytes(): number {
  const limit = process.constrainedMemory();
  return limit > 0 ? Math.min(limit, totalmem()) : totalmem();
}

function refuseUnknown(given: object, where: string): void {
  const names = Object.keys(ENGINE_OPTIONS);
  for (const name of Object.keys(given)) {
    if (Object.hasOwn(ENGINE_OPTIONS, name)) continue;
    throw new EngineError(
      'optionUnknown',
      `unknown option '${name}' ${where} (there are ${names.join(', ')})${didYouMean(name, names)}`,
      { detail: { option: name } },
    );
  }
}

/** Other programs may own `SLUICE_` names too, so only what looks like one of ours with a slip of the pen is refused. */
function refuseMisspeltEnv(env: object): void {
  const names = Object.keys(ENGINE_OPTIONS).map(envNameOf);
  for (const name of Object.keys(env)) {
    if (!name.startsWith('SLUICE_') || names.includes(name)) continue;
    const meant = nearest(
      name.slice('SLUICE_'.length),
      names.map(known => known.slice('SLUICE_'.length)),
    );
    if (meant === undefined) continue;
    throw new EngineError('optionUnknown', `unknown environment variable ${name}; did you mean SLUICE_${meant}?`, {
      detail: { option: name },
    });
  }
}
