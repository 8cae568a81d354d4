/**
 * Events of keys of 16 bytes: first one of each key, to fill a state, then batches of which each touches some keys drawn
 * evenly. All lines are equally long, so a batch of so many bytes is a batch of so many records.
 */
import { closeSync, mkdirSync, openSync, readFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { dataSet, writeParts, type DataSet } from './data-set.js';
import { randomNumbers } from './random.js';

export interface KeysData extends DataSet {
  readonly keys: number;
  readonly batches: number;
  readonly touched: number;
}

/** Of a line `k000000000000042,a`, its end included. */
export const LINE_BYTES = 19;

const lineOf = (key: number, action: string): string => `k${String(key).padStart(15, '0')},${action}\n`;

/** In the folder: `input/part-0000.csv` ... with every key once under `a`, and `touch/touch.csv`, all under `b`; no headers. */
export const keysData = (keys: number, batches: number, touched: number, seed = 1): Promise<KeysData> =>
  dataSet(`keys-v1-${keys}-${batches}x${touched}-${seed}`, folder => {
    const files = Math.min(40, Math.ceil(keys / 5000));
    const input = { folder: join(folder, 'input'), extension: '.csv', files, records: keys };
    const bytes = writeParts(input, i => lineOf(i, 'a'));
    mkdirSync(join(folder, 'touch'));
    const fd = openSync(join(folder, 'touch', 'touch.csv'), 'w');
    const random = randomNumbers(seed);
    for (let batch = 0; batch < batches; batch++) {
      writeSync(fd, Array.from({ length: touched }, () => lineOf(Math.floor(random() * keys), 'b')).join(''));
    }
    closeSync(fd);
    return { records: keys, bytes, keys, batches, touched };
  });

/** How often each key is touched. */
export function touchesOf({ folder }: KeysData): Map<string, number> {
  const touches = new Map<string, number>();
  for (const line of readFileSync(join(folder, 'touch', 'touch.csv'), 'latin1')
    .trimEnd()
    .split('\n')) {
    const key = line.slice(0, line.indexOf(','));
    touches.set(key, (touches.get(key) ?? 0) + 1);
  }
  return touches;
}
