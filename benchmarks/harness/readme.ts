/** The tables in benchmarks/README.md: sections between two marks, each replaced by the run that measured it. */

export const TABLE_START = '<!-- table: written by npm run bench -- --write -->';
export const TABLE_END = '<!-- end of table -->';

/**
 * The page with some sections replaced or added; the others stay as they are.
 *
 * @param sections text under a heading, by its name
 * Throws when the page lacks a mark.
 */
export function withSections(page: string, sections: ReadonlyMap<string, string>): string {
  const start = page.indexOf(TABLE_START);
  const end = page.indexOf(TABLE_END);
  if (start < 0 || end < start)
    throw new Error(`the page wants the marks ${TABLE_START} and ${TABLE_END}, in that order`);
  const all = new Map([...sectionsIn(page.slice(start + TABLE_START.length, end)), ...sections]);
  const text = [...all]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, body]) => `### ${name}\n\n${body.trim()}\n`)
    .join('\n');
  return `${page.slice(0, start)}${TABLE_START}\n\n${text}\n${page.slice(end)}`;
}

/** What stands before the first heading is a note that there is nothing yet, and goes. */
function sectionsIn(text: string): [string, string][] {
  return text
    .split(/^### /m)
    .slice(1)
    .map(part => {
      const end = part.indexOf('\n');
      return [part.slice(0, end).trim(), part.slice(end + 1)];
    });
}
