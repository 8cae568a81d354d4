/**
 * Turns whatever was thrown in a worker into data that can cross to the driver. An Error loses its class and fields on
 * the way between threads, and most of a stack is not the user's: here the useful part is kept. Nothing in this file
 * throws, whatever it is given: a failure that cannot be reported would cost the thread.
 */
import { fileURLToPath } from 'node:url';
import { inspect } from 'node:util';
import type { ErrorCode } from '../core/errors.js';
import { ERROR_CODES, EngineError } from '../core/errors.js';
import type { TaskFailure } from '../protocol/task-failure.js';

/** A place in a source file; line and column count from 1. */
export interface StackFrame {
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

const MAX_TEXT = 8192;
const MAX_CAUSES = 3;

/**
 * What was thrown, as a failure: an `EngineError` keeps its code, message and detail (as JSON text); anything else is
 * the user's. `message` is `TypeError: text`, or the bare text of a plain Error. `stack` holds frames only, one a line:
 * Sluice's own and Node's are left out, so that the first names the user's line; causes follow under `caused by`.
 * Texts are cut to 8 Ki characters. Control characters are kept: whoever prints escapes them.
 *
 * @param node id of the plan node whose function was running, where it is known
 */
export function failureOf(thrown: unknown, node?: string): TaskFailure {
  const code = engineErrorCode(thrown);
  if (code !== undefined) {
    const message = cut(textOf(read(thrown, 'message')));
    const refused = { kind: 'engineError', code, message, detail: jsonOf(read(thrown, 'detail')) } as const;
    return node === undefined ? refused : { ...refused, node };
  }
  const failure = { kind: 'userError', message: cut(describeThrown(thrown)), stack: cut(framesOf(thrown)) } as const;
  return node === undefined ? failure : { ...failure, node };
}

/** The code of an EngineError; by shape too, because a job may have loaded another copy of Sluice. Else undefined. */
export function engineErrorCode(thrown: unknown): ErrorCode | undefined {
  try {
    if (thrown instanceof EngineError) return thrown.code;
    if (!isError(thrown) || thrown.name !== 'EngineError') return undefined;
    const code = read(thrown, 'code');
    return typeof code === 'string' && Object.hasOwn(ERROR_CODES, code) ? (code as ErrorCode) : undefined;
  } catch {
    // A proxy or getter that throws is the user's doing, hence no engine error.
    return undefined;
  }
}

/** `TypeError: text`; of a plain Error its text alone; of anything else what it is. */
export function describeThrown(thrown: unknown): string {
  if (!isError(thrown)) return `threw ${inspectSafely(thrown)}, which is not an Error`;
  const name = textOf(read(thrown, 'name'));
  const message = textOf(read(thrown, 'message'));
  if (name === '' || name === 'Error') return message === '' ? 'an Error without a message' : message;
  return message === '' ? name : `${name}: ${message}`;
}

/** The first frame of a stack text that is the user's own: not Sluice, not Node, and not a package while there is another. */
export function firstUserFrame(stack: string): StackFrame | undefined {
  const frames = stack
    .split('\n')
    .filter(isUserLine)
    .map(parseFrame)
    .filter(frame => frame !== undefined);
  return frames.find(frame => !isPackage(frame.file)) ?? frames[0];
}

/** `/jobs/count.ts:12:7`, or nothing. */
export function formatFrame(frame: StackFrame | undefined): string {
  return frame === undefined ? '' : `${frame.file}:${frame.line}:${frame.column}`;
}

/** The stack text of an error, or nothing where there is none to be had. */
export function stackOf(thrown: unknown): string {
  const stack = isError(thrown) ? read(thrown, 'stack') : undefined;
  return typeof stack === 'string' ? stack : '';
}

function framesOf(thrown: unknown): string {
  const parts: string[] = [];
  let error = thrown;
  for (let depth = 0; depth <= MAX_CAUSES && isError(error); depth++) {
    if (depth > 0) parts.push(`  caused by ${cut(describeThrown(error))}`);
    const lines = stackOf(error).split('\n').filter(isFrameLine);
    const own = lines.filter(isUserLine);
    parts.push(...(own.some(line => parseFrame(line) !== undefined) ? own : lines));
    error = read(error, 'cause');
  }
  return parts.join('\n');
}

/** A longer line is text of the message; and reading it would take long. */
const isFrameLine = (line: string): boolean => line.length < 2000 && /^\s+at /.test(line);

function isUserLine(line: string): boolean {
  if (!isFrameLine(line) || /[( ](?:node:|sluice-)/.test(line)) return false;
  const frame = parseFrame(line);
  return frame === undefined || !isOurs(frame.file);
}

/** Reads `at name (file:line:column)` and `at file:line:column`, files as paths or file URLs. */
function parseFrame(text: string): StackFrame | undefined {
  const match = /^\s*at (?:.*? \()?((?:file:\/\/|\/|[A-Za-z]:[\\/]).*?):(\d+):(\d+)\)?$/.exec(text);
  if (!match) return undefined;
  return { file: pathOf(match[1]), line: Number(match[2]), column: Number(match[3]) };
}

function pathOf(fileOrUrl: string): string {
  try {
    return fileOrUrl.startsWith('file://') ? fileURLToPath(fileOrUrl) : fileOrUrl;
  } catch {
    // A file URL of another system or with a broken escape: shown as it is.
    return fileOrUrl;
  }
}

/** `/x/sluice/` of `/x/sluice/dist/worker.js` or `/x/sluice/lib/executor/failure-of.ts`. */
function packageRoot(): string {
  const own = pathOf(import.meta.url).replaceAll('\\', '/');
  return own.slice(0, Math.max(own.lastIndexOf('/dist/'), own.lastIndexOf('/lib/')) + 1);
}

function isOurs(file: string): boolean {
  const path = file.replaceAll('\\', '/');
  const root = packageRoot();
  return (
    path.startsWith(`${root}lib/`) || path.startsWith(`${root}dist/`) || /\/node_modules\/(piscina|tsx)\//.test(path)
  );
}

const isPackage = (file: string): boolean => /[\\/]node_modules[\\/]/.test(file);

function isError(value: unknown): value is Error {
  try {
    return value instanceof Error || Object.prototype.toString.call(value) === '[object Error]';
  } catch {
    return false;
  }
}

function read(object: unknown, name: string): unknown {
  try {
    return (object as { readonly [name: string]: unknown })[name];
  } catch (error) {
    return `(reading '${name}' threw ${error === object ? 'itself' : inspectSafely(error)})`;
  }
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : value === undefined ? '' : inspectSafely(value);
}

function inspectSafely(value: unknown): string {
  try {
    return inspect(value, {
      customInspect: false,
      depth: 1,
      maxArrayLength: 10,
      maxStringLength: 1000,
      breakLength: Infinity,
    });
  } catch {
    return `a value of type ${typeof value} that cannot be printed`;
  }
}

function jsonOf(value: unknown): string {
  try {
    const json = JSON.stringify(value) ?? '{}';
    // Cut JSON would be none.
    return json.length <= MAX_TEXT ? json : '{}';
  } catch {
    return '{}';
  }
}

function cut(text: string): string {
  return text.length <= MAX_TEXT ? text : `${text.slice(0, MAX_TEXT)} ... (${text.length - MAX_TEXT} characters more)`;
}
