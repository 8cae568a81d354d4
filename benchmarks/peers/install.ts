/** Installs peers into the cache: `install.ts NAME` or `install.ts all`. One that can't be is named with the reason. */
import { installPeer, isInstalled } from './peer.js';
import { peers } from './registry.js';

const [wanted = 'all'] = process.argv.slice(2);
const chosen = peers.filter(({ name }) => wanted === 'all' || name === wanted);
if (chosen.length === 0) {
  console.error(`error: no peer is named ${wanted}; there are ${peers.map(({ name }) => name).join(', ')}`);
  process.exit(2);
}
for (const peer of chosen) {
  if (isInstalled(peer) && wanted === 'all') {
    console.error(`${peer.name}: is there`);
    continue;
  }
  try {
    await installPeer(peer);
    console.error(`${peer.name}: installed`);
  } catch (error) {
    console.error(`${peer.name}: not installed: ${error instanceof Error ? error.message : String(error)}`);
    process.exitCode = 1;
  }
}
