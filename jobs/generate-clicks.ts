/**
 * Makes the click and view events that the sample job counts: CSV files `user,action,ts`, the same ones for the same
 * seed. A few users do most of it (user number = users * u^3), 30 % of the events are clicks.
 *
 *   npx tsx jobs/generate-clicks.ts out/clicks 20000      20,000 events in 10 files in the folder `out/clicks`
 *
 * Each file is written under a hidden name and then renamed, so that whoever watches the folder sees it whole or not
 * at all.
 */
import { mkdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';

export interface ClicksOptions {
  /** Folder for the files; made when it is missing. */
  readonly dir: string;
  readonly events: number;
  readonly users: number;
  readonly files: number;
  readonly seed: number;
  /** Time of the first event, epoch ms; about 5 ms pass between two. */
  readonly startMs: number;
  /** Wait between two files; default none. */
  readonly delayMs?: number;
}

const CLICK_SHARE = 0.3;
const MAX_STEP_MS = 10;

/** Writes `clicks-0000.csv` and so on, one after another. */
export async function writeClicks(options: ClicksOptions): Promise<void> {
  const { dir, events, files, delayMs = 0 } = options;
  const lines = clickLines(options);
  await mkdir(dir, { recursive: true });
  for (let file = 0; file < files; file++) {
    if (file > 0 && delayMs > 0) await sleep(delayMs);
    const numEvents = Math.floor(((file + 1) * events) / files) - Math.floor((file * events) / files);
    let text = 'user,action,ts\n';
    for (let i = 0; i < numEvents; i++) text += lines.next().value;
    const name = `clicks-${String(file).padStart(4, '0')}.csv`;
    await writeFile(join(dir, `.${name}`), text);
    await rename(join(dir, `.${name}`), join(dir, name));
  }
}

/** Events without end, one CSV line each. */
function* clickLines({ users, seed, startMs }: ClicksOptions): Generator<string, never> {
  const random = randomNumbers(seed);
  for (let ts = startMs; ; ts += Math.floor(random() * (MAX_STEP_MS + 1))) {
    const user = Math.floor(users * random() ** 3);
    const action = random() < CLICK_SHARE ? 'click' : 'view';
    yield `user${user},${action},${ts}\n`;
  }
}

/** Numbers in [0, 1), the same for the same seed: a Weyl sequence whose bits are then mixed. */
function randomNumbers(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x9e3779b9) | 0;
    let bits = Math.imul(state ^ (state >>> 16), 0x21f0aaad);
    bits = Math.imul(bits ^ (bits >>> 15), 0x735a2d97);
    return ((bits ^ (bits >>> 15)) >>> 0) / 2 ** 32;
  };
}

const [, script, dir = 'out/clicks', events = '20000'] = process.argv;
if (script !== undefined && import.meta.url === pathToFileURL(script).href) {
  await writeClicks({ dir, events: Number(events), users: 1000, files: 10, seed: 1, startMs: Date.now() });
}
