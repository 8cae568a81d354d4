/**
 * Apache Spark, by its Python package: Structured Streaming with either state store, and DStreams, in one process with as
 * many task slots as there are cores. Its settings are the best that were found: a parallel collector, a local file
 * system that forks nothing, two shuffle partitions, no UI.
 */
import { mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { benchmarksFolder } from '../../harness/folders.js';
import { runCommand } from '../../harness/run-process.js';
import { resultsIn, WORKLOADS, type Peer, type PeerRequest, type PeerResult, type Workload } from '../peer.js';
import { installPythonPackages, pythonIn } from '../python.js';

const VERSION = '4.3.0';
const SOURCES = join(benchmarksFolder, 'peers', 'spark');
const LIMIT_MS = 1_800_000;

const STORES: Readonly<Record<Workload, readonly string[]>> = {
  ysb: ['memory'],
  wordcount: ['memory'],
  grep: ['memory'],
  clicks: ['memory', 'rocksdb'],
};
const WITH_DSTREAMS: readonly Workload[] = ['wordcount', 'grep'];

/** Where the package lies is known by Python's version only. */
function sparkHome(folder: string): string {
  const lib = join(folder, 'python', 'lib');
  const [python] = readdirSync(lib).filter(name => name.startsWith('python'));
  return join(lib, python ?? '', 'site-packages', 'pyspark');
}

const classes = (folder: string): string => join(folder, 'classes');

/** Arguments of spark-submit up to the program. */
function settings(folder: string, work: string): string[] {
  const conf = {
    'spark.driver.host': '127.0.0.1',
    'spark.local.dir': join(work, 'local'),
    'spark.hadoop.fs.file.impl': 'PlainLocalFileSystem',
    'spark.sql.streaming.checkpointFileManagerClass':
      'org.apache.spark.sql.execution.streaming.checkpointing.FileSystemBasedCheckpointFileManager',
  };
  return [
    ...['--master', 'local[*]', '--driver-memory', '4g', '--driver-class-path', classes(folder)],
    ...[
      '--driver-java-options',
      `-Dlog4j2.configurationFile=file:${join(SOURCES, 'log4j2.properties')} -XX:+UseParallelGC`,
    ],
    ...Object.entries(conf).flatMap(([name, value]) => ['--conf', `${name}=${value}`]),
  ];
}

async function submit(folder: string, work: string, program: readonly string[]): Promise<PeerResult[]> {
  const home = sparkHome(folder);
  const python = pythonIn(folder);
  const env = { SPARK_HOME: home, PYSPARK_PYTHON: python, PYSPARK_DRIVER_PYTHON: python };
  const args = [...settings(folder, work), ...program];
  return resultsIn(await runCommand(join(home, 'bin', 'spark-submit'), args, { env, cwd: work, limitMs: LIMIT_MS }));
}

async function run(folder: string, { workload, data, runs, work }: PeerRequest): Promise<PeerResult[]> {
  const results: PeerResult[] = [];
  const times = String(runs + 1);
  for (const store of STORES[workload]) {
    results.push(...(await submit(folder, work, [join(SOURCES, 'structured.py'), workload, store, data, work, times])));
  }
  if (WITH_DSTREAMS.includes(workload)) {
    const program = ['--class', 'DStreams', join(folder, 'dstreams.jar'), workload, data, work, times];
    results.push(...(await submit(folder, work, program)));
  }
  return results;
}

export const spark: Peer = {
  name: 'spark',
  stamp: `${VERSION}-2`,
  workloads: WORKLOADS,
  async install(folder) {
    await installPythonPackages(folder, [`pyspark==${VERSION}`]);
    mkdirSync(classes(folder));
    const sources = ['PlainLocalFileSystem.java', 'DStreams.java'].map(name => join(SOURCES, name));
    const jars = join(sparkHome(folder), 'jars', '*');
    await runCommand('javac', ['-nowarn', '-cp', jars, '-d', classes(folder), ...sources]);
    await runCommand('jar', ['cf', join(folder, 'dstreams.jar'), '-C', classes(folder), '.']);
  },
  run,
};
