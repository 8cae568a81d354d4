/** Peers that are Java programs: built by Maven in the cache, from where Maven is set up to look. */
import { cpSync } from 'node:fs';
import { join } from 'node:path';
import { benchmarksFolder } from '../harness/folders.js';
import { runCommand } from '../harness/run-process.js';

const BUILD_LIMIT_MS = 1_800_000;

/** Copies `benchmarks/peers/NAME` to a folder and builds it there: the jar and, in `target/lib`, what it needs. */
export async function installMavenProject(name: string, folder: string): Promise<void> {
  cpSync(join(benchmarksFolder, 'peers', name), folder, { recursive: true });
  await runCommand('mvn', ['-q', '-B', 'package'], { cwd: folder, limitMs: BUILD_LIMIT_MS });
}

export interface JavaRun {
  readonly folder: string;
  readonly jar: string;
  readonly mainClass: string;
  /** `-Xmx`, also given as the first size: a heap that grows while it is measured costs collections. */
  readonly heap: string;
  readonly properties?: readonly string[];
}

/** Packages of the JDK that Flink and Storm look into by reflection. */
const OPENED = [
  'lang',
  'lang.reflect',
  'util',
  'util.concurrent',
  'util.concurrent.atomic',
  'io',
  'net',
  'nio',
  'text',
  'time',
];

/** The `java` command's arguments up to the program's own. */
export const javaArgs = ({ folder, jar, mainClass, heap, properties = [] }: JavaRun): string[] => [
  ...[`-Xms${heap}`, `-Xmx${heap}`, '-XX:+UseG1GC'],
  ...OPENED.map(name => `--add-opens=java.base/java.${name}=ALL-UNNAMED`),
  '--add-opens=java.base/sun.nio.ch=ALL-UNNAMED',
  ...properties,
  ...['-cp', `${join(folder, 'target', jar)}:${join(folder, 'target', 'lib')}/*`, mainClass],
];
