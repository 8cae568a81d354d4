/**
 * How old a result is when it is committed: 10,000 events a second, created evenly, each counted by key and written out
 * exactly once, the log synced. From the instant an event is due to the end of its batch's commit, at intervals of 1, 5,
 * 10, 50 and 100 ms; and to the instant at which a reader of the output sees its line, which is before the line and its
 * commit are synced. Instants are whole milliseconds, cut off, so half a millisecond of each latency is rounding.
 */
import { join } from 'node:path';
import type { BatchInfo } from '../lib/metrics/run-events.js';
import { benchmark, bySize, type BenchmarkRun } from './harness/benchmark.js';
import { fdatasyncTimes } from './harness/fdatasync.js';
import { linesOf } from './harness/output.js';
import { check, goOn, report, say } from './harness/report.js';
import { freshFolder, runLive } from './harness/run-sluice.js';
import { watchSize, type SeenFile } from './harness/seen.js';
import { percentile, percentileOfSorted } from './harness/stats.js';
import { isInstalled, runPeerLatency } from './peers/peer.js';
import { peers } from './peers/registry.js';

const RATE = 10_000;

async function run(settings: BenchmarkRun): Promise<void> {
  for (const intervalMs of bySize(settings, [1, 5, 10, 50, 100], [1, 20])) await measure(intervalMs, settings);
  if (settings.peers) await measurePeers(settings);
}

async function measurePeers(settings: BenchmarkRun): Promise<void> {
  for (const peer of peers.filter(candidate => candidate.latency !== undefined)) {
    if (!isInstalled(peer)) {
      say(`latency: ${peer.name} is not installed and left out (npm run bench -- --install ${peer.name})`);
      continue;
    }
    say(`latency: ${peer.name}`);
    const work = freshFolder('latency', `peer-${peer.name}`);
    const [warmUpSeconds, seconds] = bySize(settings, [20, 20], [3, 2]);
    await goOn(async () => {
      const results = await runPeerLatency(peer, { eventsPerSecond: RATE, warmUpSeconds, seconds, work });
      for (const { system, form, version, events, latencyMs } of results) {
        report('latency', { system, form, version, eventsPerSecond: RATE, events, latencyMs });
      }
    });
  }
}

async function measure(intervalMs: number, settings: BenchmarkRun): Promise<void> {
  say(`latency: ${RATE} events/s, interval ${intervalMs} ms`);
  const seconds = bySize(settings, 20, 0.3);
  const warmUpSeconds = bySize(settings, 5, 0.1);
  const folder = freshFolder('latency', `${intervalMs}ms`);
  const output = join(folder, 'events.csv');
  const batches: BatchInfo[] = [];
  const seen = watchSize(output);
  await runLive(
    {
      ...{ job: 'benchmarks/jobs/latency.ts', args: { rate: RATE, output }, workers: settings.workers },
      ...{ interval: `${intervalMs}ms`, checkpoint: join(folder, 'checkpoint') },
    },
    (event, live) => {
      if (event.kind !== 'batchCompleted') return;
      batches.push(event.batch);
      const [first] = batches;
      const isLast = first !== undefined && event.batch.time - first.time >= (seconds + warmUpSeconds) * 1000;
      if (isLast) live.stop();
    },
  );
  seen.stop();
  const { committed, visible } = latenciesOf([...linesOf(output)], batches, warmUpSeconds * 1000, seen);
  const delays = batches.map(batch => batch.processingDelayMs);
  const sync = fdatasyncTimes(folder, bySize(settings, 200, 5));
  report('latency', {
    ...{ system: 'sluice', form: `interval ${intervalMs} ms`, eventsPerSecond: RATE, events: committed.length },
    latencyMs: percentilesOf(committed),
    seenMs: percentilesOf(visible),
    batchMs: { p50: percentile(delays, 0.5), p99: percentile(delays, 0.99) },
    fdatasyncMs: { p50: percentile(sync, 0.5), p99: percentile(sync, 0.99) },
  });
}

const percentilesOf = (sorted: Float64Array): { readonly p50: number; readonly p99: number; readonly p999: number } => {
  const of = (p: number): number => percentileOfSorted(sorted, p);
  return { p50: of(0.5), p99: of(0.99), p999: of(0.999) };
};

interface Latencies {
  readonly committed: Float64Array;
  readonly visible: Float64Array;
}

/** Of each event after the warm-up, ascending. Lines are in the order of their batches, ASCII, and end in one byte. */
function latenciesOf(
  lines: readonly string[],
  batches: readonly BatchInfo[],
  warmUpMs: number,
  seen: SeenFile,
): Latencies {
  const counts = new Map<string, number>();
  const committed: number[] = [];
  const visible: number[] = [];
  let at = 0;
  let lastByte = -1;
  const firstTime = batches[0]?.time ?? 0;
  for (const batch of batches) {
    for (const end = at + batch.outputRows; at < end; at++) {
      const line = String(lines[at]);
      const [key = '', count, created] = line.split(',');
      const expected = (counts.get(key) ?? 0) + 1;
      check(Number(count) === expected, `event ${at}: count ${count} of key ${key}, not ${expected}`);
      counts.set(key, expected);
      lastByte += line.length + 1;
      if (batch.time - firstTime <= warmUpMs) continue;
      committed.push(batch.completedMs - Number(created));
      const seenMs = seen.seenMs(lastByte) ?? Infinity;
      check(seenMs < Infinity, `event ${at}: its line was not seen`);
      visible.push(seenMs - Number(created));
    }
  }
  check(at === lines.length && at > 0, `${lines.length} lines, the batches say ${at}`);
  return { committed: Float64Array.from(committed).sort(), visible: Float64Array.from(visible).sort() };
}

export default benchmark('latency', run);
