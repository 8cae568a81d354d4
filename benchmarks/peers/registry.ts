/** The peers there are, beside plain Node. */
import { cpp } from './cpp/peer.js';
import { duckdb } from './duckdb/peer.js';
import { flink } from './flink/peer.js';
import type { Peer } from './peer.js';
import { spark } from './spark/peer.js';
import { storm } from './storm/peer.js';

export const peers: readonly Peer[] = [duckdb, cpp, spark, flink, storm];
