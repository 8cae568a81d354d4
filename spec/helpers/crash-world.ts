/**
 * One run of one source, operator and output, in a world whose file system can go down at any operation: it goes through
 * its sessions (input comes, all of it is put out, the engine ends in good order), and from where it was after a crash.
 */
import { tableFromIPC } from 'apache-arrow';
import { VirtualClock } from '../../lib/core/clock.js';
import { job } from '../../lib/api/job.js';
import { readManifest } from '../../lib/checkpoint/manifest.js';
import type { RunEvent } from '../../lib/metrics/run-events.js';
import type { CrashOperator } from './crash-operators.js';
import type { CrashSink } from './crash-sinks.js';
import { NUM_SESSIONS, type CrashSource } from './crash-sources.js';
import { ModelFileSystem } from './model-file-system.js';
import { runEngine } from './run-engine.js';

export interface CrashCell {
  readonly source: CrashSource;
  readonly operator: CrashOperator;
  readonly sink: CrashSink;
}

export const nameOf = ({ source, operator, sink }: CrashCell): string =>
  `${source.name} > ${operator.name} > ${sink.name}`;

/** What a run leaves. Lists are in the order of the files, sorted where nothing promises an order. */
export interface Left {
  /** Lines of the exactly-once outputs, in order of their files. */
  readonly lines: readonly string[];
  /** By name: sorted lines of each file or folder, and of each batch of an output that may repeat itself. */
  readonly outputs: { readonly [name: string]: readonly string[] };
  readonly deadLetters: readonly string[];
  readonly state: readonly string[];
}

const START_MS = 1_000_000;
const INTERVAL_MS = 1000;
const STUCK_MS = 20_000;

export class CrashWorld {
  readonly cell: CrashCell;
  /** Where the files of the sources lie. */
  readonly folder: string;
  readonly fs: ModelFileSystem;
  session = 0;
  /** Whether a batch was planned since the last start, or before it and logged. */
  hasBegun = false;
  /** Batches that the running engine knows to be planned. */
  numPlanned = 0;
  readonly #seen = new Map<number, readonly string[]>();

  constructor(cell: CrashCell, folder: string, fs = new ModelFileSystem()) {
    this.cell = cell;
    this.folder = folder;
    this.fs = fs;
  }

  /** Rows of an output that may repeat itself: the last time counts, as for whoever writes by batch time. */
  note(time: number, lines: readonly string[]): void {
    this.#seen.set(time, lines.toSorted());
  }

  /** Goes on to the end of the last session; rejects when the file system goes down or a run fails. */
  async run(workers = 2): Promise<void> {
    const { source, operator } = this.cell;
    for (; this.session < NUM_SESSIONS; this.session++) {
      operator.feed?.(this);
      await source.feed?.(this);
      await this.#drain(workers);
    }
  }

  async left(): Promise<Left> {
    const paths = this.fs.paths().filter(path => path.startsWith('/out/') && !/\/[._]/.test(path));
    const outputs: { [name: string]: string[] } = {};
    const lines: string[] = [];
    for (const path of paths) {
      const found = linesOf(path, this.fs.bytesOf(path));
      lines.push(...found);
      // How a batch is cut into parts is a matter of how many workers there are.
      (outputs[path.replace(/\/(?:part|rolled|lines|columns)-\d+[^/]*$/, '')] ??= []).push(...found);
    }
    for (const [time, seen] of this.#seen) outputs[`batch ${time}`] = [...seen];
    for (const path of this.fs.paths()) if (path.endsWith('/_SUCCESS')) (outputs[path] ??= []).push('is there');
    const letters = this.fs.paths().filter(path => path.startsWith('/deadletter/deadletter-'));
    return {
      lines,
      outputs: Object.fromEntries(
        Object.entries(outputs).flatMap(([name, found]) => (found.length > 0 ? [[name, found.toSorted()]] : [])),
      ),
      deadLetters: letters.flatMap(path => textLines(this.fs.bytesOf(path))).toSorted(),
      state: await this.#state(),
    };
  }

  async #drain(workers: number): Promise<void> {
    const { fs, cell } = this;
    this.numPlanned = 0;
    this.hasBegun = false;
    const declared = job('crash', {}, ssc =>
      cell.sink.put(cell.operator.apply(cell.source.stream(ssc, this), ssc), this),
    );
    const run = await runEngine(declared, {
      clock: new VirtualClock(START_MS),
      fs,
      checkpoint: '/checkpoint',
      deadLetters: '/deadletter',
      once: true,
      onEvent: event => this.#hear(event),
      options: {
        workers,
        maxBatchBytes: cell.source.name === 'receiver' ? '1' : '24',
        maxBatchRecords: 3,
        slotMemory: '16MiB',
        checkpointInterval: 1,
        keyGroups: 8,
        rollBytes: '40',
      },
    });
    await endOf(run.engine.done);
  }

  #hear(event: RunEvent): void {
    const planned = event.kind === 'restored' ? event.lastBatchTime : event.kind === 'batchSubmitted' ? event.time : 0;
    if (planned > 0) {
      this.hasBegun = true;
      this.numPlanned = Math.max(this.numPlanned, (planned - START_MS) / INTERVAL_MS + 1);
    }
    if (event.kind === 'printed') this.note(event.time, event.lines.slice(1));
  }

  /** Rows of the snapshots that the end in good order left. */
  async #state(): Promise<string[]> {
    const manifest = await readManifest(this.fs, '/checkpoint', 'MANIFEST');
    const rows = (manifest?.snapshots ?? []).flatMap(({ operator, path }) =>
      rowsOf(this.fs.bytesOf(path)).map(row => `${operator} ${row}`),
    );
    return rows.toSorted();
  }
}

/** A bound for a run that hangs, never waited for by one that ends. */
async function endOf(done: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const stuck = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error('the run does not end')), STUCK_MS);
  });
  try {
    await Promise.race([done, stuck]);
  } finally {
    clearTimeout(timer);
  }
}

const textLines = (bytes: Uint8Array): string[] =>
  Buffer.from(bytes)
    .toString()
    .split('\n')
    .filter(line => line !== '');

function linesOf(path: string, bytes: Uint8Array): string[] {
  return path.endsWith('.arrows') ? rowsOf(bytes) : textLines(bytes);
}

function rowsOf(bytes: Uint8Array): string[] {
  const table = tableFromIPC(bytes);
  return Array.from({ length: table.numRows }, (_, row) =>
    table.schema.fields
      .map((_, column) => {
        const value: unknown = table.getChildAt(column)?.get(row);
        return value instanceof Uint8Array ? Buffer.from(value).toString('latin1') : String(value);
      })
      .join(' '),
  );
}
