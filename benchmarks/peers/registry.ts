/** The peers there are, beside plain Node. */
import type { Peer } from './peer.js';

export const peers: readonly Peer[] = [];
