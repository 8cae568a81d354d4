/**
 * The arguments that a job file declares, and the values a run gives them:
 *
 *     args: { input: arg.path('out/clicks', 'folder of CSV files'), top: arg.integer(10, 'how many users') }
 *
 * `sluice run JOB --arg top=3` sets one, `sluice run JOB --help` lists them. Every argument has a default, so that a
 * job always runs as it is. What the job sees is typed: `{ input: string, top: number }`.
 */
import { EngineError } from './errors.js';
import { didYouMean } from './nearest.js';
import { formatDuration, parseDuration } from './time.js';

export type ArgType = 'string' | 'path' | 'integer' | 'number' | 'boolean' | 'duration' | 'choice';

/** One declared argument. `T` is what the job sees; it exists for the compiler only. */
export interface ArgSpec<T extends ArgValue = ArgValue> {
  readonly type: ArgType;
  /** duration: milliseconds. */
  readonly default: T;
  readonly help: string;
  /** Of a choice. */
  readonly choices?: readonly string[];
}

export type ArgValue = string | number | boolean;

export type ArgDeclarations = { readonly [name: string]: ArgSpec };

/** What the job sees of the arguments it declared. */
export type ArgValues<A extends ArgDeclarations> = {
  readonly [N in keyof A]: A[N] extends ArgSpec<infer T> ? T : never;
};

/** A declared argument with its name: plain data for help texts and the command line. */
export interface JobArgInfo extends ArgSpec {
  readonly name: string;
}

const spec = <T extends ArgValue>(type: ArgType, value: T, help: string): ArgSpec<T> =>
  Object.freeze({ type, default: value, help });

/** The builders. A duration's default may be `'5s'` or milliseconds; the job sees milliseconds. */
export const arg = Object.freeze({
  string: (value: string, help: string): ArgSpec<string> => spec('string', value, help),
  /** A file or folder, seen from the directory in which the run is started. */
  path: (value: string, help: string): ArgSpec<string> => spec('path', value, help),
  integer: (value: number, help: string): ArgSpec<number> => spec('integer', value, help),
  number: (value: number, help: string): ArgSpec<number> => spec('number', value, help),
  boolean: (value: boolean, help: string): ArgSpec<boolean> => spec('boolean', value, help),
  duration: (value: string | number, help: string): ArgSpec<number> =>
    spec('duration', parseDuration(value, 'the default of a duration argument'), help),
  choice: <const C extends readonly [string, ...string[]]>(
    choices: C,
    value: C[number],
    help: string,
  ): ArgSpec<C[number]> => Object.freeze({ type: 'choice', default: value, help, choices }),
});

/** The declared arguments as a list, in the order of their declaration. */
export function argInfos(declared: ArgDeclarations): readonly JobArgInfo[] {
  return Object.entries(declared).map(([name, info]) => Object.freeze({ name, ...info }));
}

/**
 * The value of every declared argument: what was given, else its default. Throws `optionUnknown` for a name that the
 * job does not declare and `optionInvalid` for a value that does not fit.
 */
export function parseArgs<A extends ArgDeclarations>(
  declared: A,
  given: { readonly [name: string]: string },
): ArgValues<A> {
  const names = Object.keys(declared);
  for (const name of Object.keys(given)) {
    if (Object.hasOwn(declared, name)) continue;
    const known = names.length === 0 ? 'the job declares none' : `the job declares ${names.join(', ')}`;
    throw new EngineError('optionUnknown', `unknown argument '${name}' (${known})${didYouMean(name, names)}`, {
      detail: { argument: name },
    });
  }
  const values = names.map((name): [string, ArgValue] => {
    const info = declared[name] as ArgSpec;
    const text = Object.hasOwn(given, name) ? given[name] : undefined;
    return [name, text === undefined ? info.default : parseArg(name, info, text)];
  });
  return Object.freeze(Object.fromEntries(values)) as ArgValues<A>;
}

/** The default as somebody would write it on the command line. */
export function formatArgDefault(info: ArgSpec): string {
  if (info.type === 'duration') return formatDuration(Number(info.default)).replace(' ', '');
  return String(info.default);
}

function parseArg(name: string, info: ArgSpec, text: string): ArgValue {
  switch (info.type) {
    case 'string':
      return text;
    case 'path':
      if (text === '' || text.includes('\0')) throw unfit(name, 'a path', text);
      return text;
    case 'integer':
      if (!/^[+-]?\d+$/.test(text) || !Number.isSafeInteger(Number(text))) throw unfit(name, 'an integer', text);
      return Number(text);
    case 'number':
      if (!/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text) || !Number.isFinite(Number(text))) {
        throw unfit(name, 'a number', text);
      }
      return Number(text);
    case 'boolean':
      if (text !== 'true' && text !== 'false') throw unfit(name, 'true or false', text);
      return text === 'true';
    case 'duration':
      return parseDuration(text, `argument ${name}`);
    case 'choice': {
      const choices = info.choices ?? [];
      if (!choices.includes(text)) throw unfit(name, `one of ${choices.join(', ')}`, text, didYouMean(text, choices));
      return text;
    }
  }
}

function unfit(name: string, wanted: string, text: string, hint = ''): EngineError {
  return new EngineError('optionInvalid', `argument ${name} wants ${wanted}, got '${text}'${hint}`, {
    detail: { argument: name },
  });
}
