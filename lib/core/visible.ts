/**
 * Text that may hold anything (records, file names, messages of user code) made safe to show: characters that move the
 * cursor, colour, ring, retitle or reorder what a terminal shows are written as escapes. Letters of every language stay.
 */

/** C0 but tab, DEL, C1, line and paragraph separators, and the marks that turn the direction of writing. */
// oxlint-disable-next-line no-control-regex -- these are exactly the characters it is about
const UNSAFE = /[\u0000-\u0008\u000a-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;

/** One line: a line end in it is escaped too. */
export function visibleLine(text: string): string {
  return text.replace(UNSAFE, escapeOf);
}

/** Several lines: LF stays. */
export function visibleText(text: string): string {
  return text.replace(UNSAFE, char => (char === '\n' ? char : escapeOf(char)));
}

/** Makes JSON text pure of them; it stays the same JSON value. */
export function visibleJson(json: string): string {
  return json.replace(UNSAFE, char => (char === '\n' ? char : `\\u${hex(char, 4)}`));
}

function escapeOf(char: string): string {
  if (char === '\n') return '\\n';
  if (char === '\r') return '\\r';
  const code = char.charCodeAt(0);
  return code < 0x100 ? `\\x${hex(char, 2)}` : `\\u${hex(char, 4)}`;
}

const hex = (char: string, digits: number): string => char.charCodeAt(0).toString(16).padStart(digits, '0');
