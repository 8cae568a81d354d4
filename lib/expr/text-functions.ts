/** Functions of text. Patterns are constants of the job, so that data never becomes a pattern. */
import { EngineError } from '../core/errors.js';
import type { ColumnKind } from '../core/schema.js';
import type { BoundExpr } from './expr-data.js';
import { constantOf, isText, isWhole, textConstant, type Apply, type FunctionRule } from './function-rule.js';
import { countCharacters, likeMatcher, substringOf } from './text.js';

const isTextConstant = (arg: BoundExpr): boolean => typeof constantOf(arg) === 'string';

const ofTexts =
  (kind: ColumnKind, count: number): FunctionRule['kindOf'] =>
  args =>
    args.length === count && args.every(isText) ? kind : undefined;

/** A text, and constants behind it. */
const ofTextAndConstants =
  (kind: ColumnKind): FunctionRule['kindOf'] =>
  ([text, ...constants]) =>
    text !== undefined && isText(text) && constants.every(isTextConstant) ? kind : undefined;

const textFunction = (f: (text: string) => string): FunctionRule => ({
  wants: 'a text',
  kindOf: ofTexts('utf8', 1),
  make: () => f,
});

const textTest = (f: (text: string, part: string) => boolean): FunctionRule => ({
  wants: 'two texts',
  kindOf: ofTexts('bool', 2),
  make: () => f,
});

export const textFunctions = {
  lower: textFunction(text => text.toLowerCase()),
  upper: textFunction(text => text.toUpperCase()),
  trim: textFunction(text => text.trim()),
  length: { wants: 'a text', kindOf: ofTexts('int64', 1), make: () => countCharacters },
  substring: {
    wants: 'a text and whole numbers, start and length',
    kindOf: ([text, start, length]) =>
      text !== undefined && isText(text) && [start, length].every(arg => arg !== undefined && isWhole(arg))
        ? 'utf8'
        : undefined,
    make: () => substringOf,
  },
  concat: {
    wants: 'texts',
    kindOf: args => (args.length > 0 && args.every(isText) ? 'utf8' : undefined),
    make:
      () =>
      (...texts: string[]) =>
        texts.join(''),
  },
  replace: {
    wants: 'a text and two constant texts',
    kindOf: ofTextAndConstants('utf8'),
    make: call => {
      const [search, by] = [textConstant(call, 1), textConstant(call, 2)];
      return (text: string) => (search === '' ? text : text.split(search).join(by));
    },
  },
  like: {
    wants: 'a text and a constant pattern',
    kindOf: ofTextAndConstants('bool'),
    make: call => likeMatcher(textConstant(call, 1)),
  },
  startsWith: textTest((text, part) => text.startsWith(part)),
  endsWith: textTest((text, part) => text.endsWith(part)),
  contains: textTest((text, part) => text.includes(part)),
  regexp: {
    wants: 'a text and a constant pattern',
    kindOf: ofTextAndConstants('bool'),
    make: call => {
      const pattern = regexpOf(textConstant(call, 1), textConstant(call, 2));
      return (text: string) => pattern.test(text);
    },
  },
} satisfies Record<string, FunctionRule & { make: (...args: never[]) => Apply }>;

function regexpOf(source: string, flags: string): RegExp {
  try {
    return new RegExp(source, flags);
  } catch (cause) {
    throw new EngineError('jobInvalid', `regexp wants a pattern, got /${source}/${flags}: ${String(cause)}`, { cause });
  }
}
