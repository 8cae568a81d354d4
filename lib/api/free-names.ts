/**
 * Which names a function's source text takes from outside. Not a parser: it reads tokens, and a name that is declared
 * anywhere in the text counts as the function's own. So it may leave out a name, and never gives one that is only a
 * property, a key, a parameter or a local variable.
 */

const KEYWORDS = new Set(
  (
    'async await break case catch class const continue debugger default delete do else enum export extends false finally for ' +
    'function if import in instanceof let new null of return static super switch this throw true try typeof undefined var void while with yield'
  ).split(' '),
);

interface Token {
  readonly text: string;
  readonly isName: boolean;
}

/** Names that `text`, the source of one function, uses and does not declare; in order of first use. */
export function freeNames(text: string): readonly string[] {
  const tokens = tokensOf(text);
  const own = declaredNames(tokens);
  const free = new Set<string>();
  tokens.forEach(({ text: name, isName }, i) => {
    if (!isName || KEYWORDS.has(name) || own.has(name)) return;
    const before = tokens[i - 1]?.text;
    const isProperty = before === '.' || before === '?.';
    const isKey = tokens[i + 1]?.text === ':' && (before === '{' || before === ',');
    if (!isProperty && !isKey) free.add(name);
  });
  return [...free];
}

/** Names, punctuation and the code inside templates; strings, numbers, comments and regular expressions are left out. */
function tokensOf(text: string): Token[] {
  const pattern =
    /\/\/[^\n]*|\/\*[^]*?\*\/|'(?:\\[^]|[^'\\])*'|"(?:\\[^]|[^"\\])*"|`(?:\\[^]|[^`\\])*`|(?:\d[\w.]*)|[A-Za-z_$][\w$]*|\.\.\.|\?\.|=>|[^\s]/g;
  const tokens: Token[] = [];
  for (const [match] of text.matchAll(pattern)) {
    const first = match.charAt(0);
    if (match.startsWith('//') || match.startsWith('/*') || first === "'" || first === '"' || /\d/.test(first))
      continue;
    if (first === '`') {
      for (const [, code = ''] of match.matchAll(/\$\{([^}]*)\}/g)) tokens.push(...tokensOf(`;${code};`));
    } else tokens.push({ text: match, isName: /[A-Za-z_$]/.test(first) });
  }
  return tokens;
}

function declaredNames(tokens: readonly Token[]): ReadonlySet<string> {
  const declared = new Set<string>();
  const addNames = (from: number, to: number): void => {
    for (let i = from; i < to; i++) {
      const token = tokens[i];
      if (token?.isName === true) declared.add(token.text);
    }
  };
  tokens.forEach(({ text }, i) => {
    if (text === '=>') addNames(parametersBefore(tokens, i), i);
    // What stands in parentheses before a body: parameters of functions and methods, conditions of statements.
    if (text === '{' && tokens[i - 1]?.text === ')' && isParameterList(tokens, i - 1)) {
      addNames(openingOf(tokens, i - 1), i - 1);
    }
    if (['let', 'const', 'var'].includes(text)) addNames(i + 1, endOfPattern(tokens, i + 1));
    if (['function', 'class'].includes(text) && tokens[i + 1]?.isName === true) addNames(i + 1, i + 2);
  });
  return declared;
}

function parametersBefore(tokens: readonly Token[], arrow: number): number {
  return tokens[arrow - 1]?.text === ')' ? openingOf(tokens, arrow - 1) : arrow - 1;
}

/** Whether parentheses before a `{` belong to a function, a method or a catch. */
function isParameterList(tokens: readonly Token[], closing: number): boolean {
  const before = tokens[openingOf(tokens, closing) - 1]?.text ?? '';
  return !['if', 'for', 'while', 'switch', 'with', 'await'].includes(before);
}

function openingOf(tokens: readonly Token[], closing: number): number {
  let depth = 0;
  for (let i = closing; i >= 0; i--) {
    if (tokens[i]?.text === ')') depth++;
    if (tokens[i]?.text === '(' && --depth === 0) return i;
  }
  return 0;
}

/** Where the names of a declaration end: at its value, `of`, `in` or the end of the statement. */
function endOfPattern(tokens: readonly Token[], start: number): number {
  let depth = 0;
  for (let i = start; i < tokens.length; i++) {
    const text = tokens[i]?.text ?? '';
    if (text === '{' || text === '[') depth++;
    if (text === '}' || text === ']') depth--;
    if (depth === 0 && ['=', ';', 'of', 'in'].includes(text)) return i;
  }
  return tokens.length;
}
