/** Apache Flink, as one process with its mini cluster: the DataStream API and SQL, exactly-once checkpoints each second. */
import { runCommand } from '../../harness/run-process.js';
import { installMavenProject, javaArgs } from '../java.js';
import { resultsIn, WORKLOADS, type Peer, type PeerLatency, type PeerResult, type Workload } from '../peer.js';

const FORMS: Readonly<Record<Workload, readonly string[]>> = {
  ysb: ['DataStream', 'SQL'],
  wordcount: ['DataStream', 'SQL'],
  grep: ['DataStream'],
  clicks: ['heap', 'RocksDB'],
};

const JAVA = {
  ...{ jar: 'flink-peer.jar', heap: '4g' },
  properties: ['-Dorg.slf4j.simpleLogger.defaultLogLevel=error'],
};

/** Intervals between checkpoints, which are what latency depends on; 10 ms is the shortest that Flink takes. */
const CHECKPOINTS_MS = [10, 100, 1000];

export const flink: Peer = {
  name: 'flink',
  stamp: '2.3.0-3',
  workloads: WORKLOADS,
  install: folder => installMavenProject('flink', folder),
  async run(folder, { workload, data, runs, work }) {
    const program = javaArgs({ ...JAVA, folder, mainClass: 'sluice.peers.FlinkPeer' });
    const results: PeerResult[] = [];
    for (const form of FORMS[workload]) {
      const args = [...program, workload, form, data, work, String(runs + 1)];
      results.push(...resultsIn(await runCommand('java', args, { cwd: work, limitMs: 1_800_000 })));
    }
    return results;
  },
  async latency(folder, { eventsPerSecond, warmUpSeconds, seconds, work }) {
    const program = javaArgs({ ...JAVA, folder, mainClass: 'sluice.peers.Latency' });
    const results: PeerLatency[] = [];
    for (const checkpointMs of CHECKPOINTS_MS) {
      const args = [checkpointMs, eventsPerSecond, warmUpSeconds, seconds].map(String);
      const stdout = await runCommand('java', [...program, ...args, work], { cwd: work });
      results.push(...resultsIn<PeerLatency>(stdout));
    }
    return results;
  },
};
