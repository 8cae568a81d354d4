/** Apache Storm, by its local cluster in one process; with acknowledgements and without. It has no state to checkpoint. */
import { join } from 'node:path';
import { installMavenProject, javaArgs } from '../java.js';
import { runTimes, type Peer, type PeerResult } from '../peer.js';

export const storm: Peer = {
  name: 'storm',
  stamp: '2.8.3-2',
  workloads: ['ysb', 'wordcount'],
  install: folder => installMavenProject('storm', folder),
  async run(folder, { workload, data, runs, work }) {
    const program = javaArgs({
      ...{ folder, jar: 'storm-peer.jar', mainClass: 'sluice.peers.StormPeer', heap: '4g' },
      properties: [`-Dlog4j2.configurationFile=${join(folder, 'log4j2.xml')}`],
    });
    const results: PeerResult[] = [];
    for (const form of ['acked', 'unacked']) {
      results.push(
        ...(await runTimes(Math.max(1, runs), 'java', [...program, workload, form, data], {
          cwd: work,
          limitMs: 1_800_000,
        })),
      );
    }
    return results;
  },
};
