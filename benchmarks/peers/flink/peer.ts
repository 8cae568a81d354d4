/** Apache Flink, as one process with its mini cluster: the DataStream API and SQL, exactly-once checkpoints each second. */
import { runCommand } from '../../harness/run-process.js';
import { installMavenProject, javaArgs } from '../java.js';
import { resultsIn, WORKLOADS, type Peer, type PeerResult, type Workload } from '../peer.js';

const FORMS: Readonly<Record<Workload, readonly string[]>> = {
  ysb: ['DataStream', 'SQL'],
  wordcount: ['DataStream', 'SQL'],
  grep: ['DataStream'],
  clicks: ['heap', 'RocksDB'],
};

export const flink: Peer = {
  name: 'flink',
  stamp: '2.3.0-1',
  workloads: WORKLOADS,
  install: folder => installMavenProject('flink', folder),
  async run(folder, { workload, data, runs, work }) {
    const program = javaArgs({
      ...{ folder, jar: 'flink-peer.jar', mainClass: 'sluice.peers.FlinkPeer', heap: '4g' },
      properties: ['-Dorg.slf4j.simpleLogger.defaultLogLevel=error'],
    });
    const results: PeerResult[] = [];
    for (const form of FORMS[workload]) {
      const args = [...program, workload, form, data, work, String(runs + 1)];
      results.push(...resultsIn(await runCommand('java', args, { cwd: work, limitMs: 1_800_000 })));
    }
    return results;
  },
};
