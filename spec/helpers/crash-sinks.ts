/** The kinds of outputs for specs that crash a run at any file operation. Files lie in /out. */
import { schema, utf8, type DStream } from '../../lib/index.js';
import type { CrashWorld } from './crash-world.js';

export interface CrashSink {
  readonly name: string;
  /** Each line once in its files, in order of batches; else known by batch time, perhaps put out again after a crash. */
  readonly isExactlyOnce: boolean;
  readonly put: (lines: DStream<string>, world: CrashWorld) => void;
}

const lineSchema = schema({ line: utf8() });

export const CRASH_SINKS: readonly CrashSink[] = [
  { name: 'csv', isExactlyOnce: true, put: lines => lines.saveAsCsv('/out/lines.csv') },
  { name: 'json', isExactlyOnce: true, put: lines => lines.saveAsJson('/out/rolled') },
  { name: 'text', isExactlyOnce: true, put: lines => lines.saveAsText('/out/deep/er/lines.txt') },
  {
    name: 'arrow',
    isExactlyOnce: true,
    put: lines => lines.map(line => ({ line })).saveAsArrow('/out/columns', { schema: lineSchema }),
  },
  { name: 'folders', isExactlyOnce: true, put: lines => lines.saveAsTextFiles('/out/folders', 'txt') },
  {
    name: 'foreach',
    isExactlyOnce: false,
    put: (lines, world) =>
      lines.foreachRDD(async (rdd, time) => {
        const rows = await rdd.collect();
        await rdd.saveAsTextFile(`/out/action-${time}`);
        world.note(time, rows);
      }),
  },
  // What it prints the world hears as an event.
  { name: 'print', isExactlyOnce: false, put: lines => lines.print(100) },
];
