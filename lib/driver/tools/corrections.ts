/** Corrected records for a replay: from a file of `sluice deadletter list --json` that was edited, or from a function. */
import { pathToFileURL } from 'node:url';
import { EngineError, messageOf } from '../../core/errors.js';
import type { FileSystem } from '../../core/file-system.js';
import type { DeadLetter } from './dead-letters.js';
import type { ReplayRequest } from './replay-dead-letters.js';

export type Correct = ReplayRequest['correct'];

/** The record as it was. */
export const unchanged: Correct = async ({ base64 }) => Buffer.from(base64, 'base64');

/**
 * Lines of JSON with `id` and `text` (or `base64`, for bytes that are no text). @returns by id, the record as it shall be
 * Throws `inputMissing`, and `optionInvalid` naming the line.
 */
export async function readEdits(fs: FileSystem, path: string): Promise<ReadonlyMap<string, Uint8Array>> {
  let content: Uint8Array;
  try {
    content = await fs.readFile(path);
  } catch (cause) {
    throw new EngineError('inputMissing', `--edit wants a file of corrected records: ${messageOf(cause)}`, { cause });
  }
  const edits = new Map<string, Uint8Array>();
  const lines = Buffer.from(content).toString('utf8').split('\n');
  for (const [i, line] of lines.entries()) if (line.trim() !== '') edits.set(...editOf(line, `${path}:${i + 1}`));
  return edits;
}

function editOf(line: string, where: string): [string, Uint8Array] {
  let edit: { readonly id?: unknown; readonly text?: unknown; readonly base64?: unknown } | null;
  try {
    edit = JSON.parse(line) as typeof edit;
  } catch (cause) {
    throw new EngineError('optionInvalid', `${where}: a JSON object is wanted: ${messageOf(cause)}`, { cause });
  }
  const { id, text, base64 } = edit ?? {};
  if (typeof id === 'string' && typeof text === 'string') return [id, Buffer.from(text, 'utf8')];
  if (typeof id === 'string' && typeof base64 === 'string') return [id, Buffer.from(base64, 'base64')];
  throw new EngineError(
    'optionInvalid',
    `${where}: a corrected record wants an id, and a text or base64, as \`sluice deadletter list --json\` writes them; got ` +
      line.slice(0, 100),
  );
}

/**
 * The default export of a module: `record => text`, or null to leave the record where it is. It is code, and runs here.
 * Throws `jobInvalid` when there is none, and when it throws or gives something else, with the record's id.
 */
export async function loadMap(path: string): Promise<Correct> {
  let loaded: { readonly default?: unknown };
  try {
    loaded = (await import(pathToFileURL(path).href)) as typeof loaded;
  } catch (cause) {
    throw new EngineError(
      'jobInvalid',
      `--map wants a .js or .mjs module, and ${path} cannot be loaded: ${messageOf(cause)}`,
      {
        cause,
      },
    );
  }
  const map = loaded.default;
  if (typeof map !== 'function') {
    throw new EngineError('jobInvalid', `--map wants a function as the default export of ${path}, got ${typeof map}`);
  }
  return letter => applyMap(map as (record: DeadLetter) => unknown, letter, path);
}

async function applyMap(
  map: (record: DeadLetter) => unknown,
  letter: DeadLetter,
  path: string,
): Promise<string | Uint8Array | undefined> {
  const { id } = letter;
  let result: unknown;
  try {
    result = await map(letter);
  } catch (cause) {
    throw new EngineError(
      'jobInvalid',
      `${path} threw for record ${id}: ${messageOf(cause)}. Nothing was put back in`,
      {
        cause,
        detail: { id },
      },
    );
  }
  if (result === null || result === undefined) return undefined;
  if (typeof result === 'string' || result instanceof Uint8Array) return result;
  throw new EngineError(
    'jobInvalid',
    `${path} wants to give a text, bytes, or null for a record that stays, and gave ${typeof result} for ${id}`,
    { detail: { id } },
  );
}
