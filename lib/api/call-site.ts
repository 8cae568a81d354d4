/** Where the job's own code called an operation, for labels and messages. */
import { fileURLToPath } from 'node:url';

/** This package's folder, as stacks name it: `file:///x/sluice/` and `/x/sluice/`. */
const OWN_URL = /^.*\/(?=(?:dist|lib)\/)/.exec(import.meta.url)?.[0] ?? '';
const OWN_PATH = OWN_URL === '' ? '' : fileURLToPath(OWN_URL).replaceAll('\\', '/');
/** Sources and bundle: stacks name the sources where source maps are read. */
const OWN_FOLDERS = OWN_URL === '' ? [] : [OWN_URL, OWN_PATH].flatMap(at => [`${at}lib/`, `${at}dist/`]);

const isOwnFrame = (frame: string): boolean => {
  const text = frame.replaceAll('\\', '/');
  return OWN_FOLDERS.some(folder => text.includes(folder));
};

/** ` at jobs/x.ts:12`: the first caller outside Sluice; empty where the stack doesn't tell. */
export function callSite(): string {
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = 20;
  const frames = (new Error('call site').stack ?? '').split('\n').slice(1);
  Error.stackTraceLimit = limit;
  for (const frame of frames) {
    if (isOwnFrame(frame) || frame.includes('node:') || frame.includes('node_modules')) continue;
    const match = /\(?([^()\s]+):(\d+):\d+\)?$/.exec(frame);
    if (match?.[1] !== undefined)
      return ` at ${match[1].replace(/^file:\/\//, '').replace(`${process.cwd()}/`, '')}:${match[2]}`;
  }
  return '';
}
