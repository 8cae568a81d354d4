/**
 * Scenarios in which the engine once went wrong, as small as they could be made, each under the name of what was wrong.
 */
import { INTERVAL_MS, type Scenario, type SimFault } from './scenario.js';

export interface FoundBug {
  readonly bug: string;
  readonly scenario: Scenario;
}

/** A source, a state, two outputs, and a snapshot with each batch. */
export const small = (...faults: readonly SimFault[]): Scenario => ({
  ...{ seed: 1, parts: ['file'], sources: ['rate'], rateTotal: 12, arrivals: [], failing: [], faults },
  fixed: { interval: INTERVAL_MS, keyGroups: 8, checkpointInterval: 1, rollBytes: 1 << 20 },
  starts: [{ workers: 2 }],
  ...{ diskMs: 0.2, taskMs: 2, endMs: 6000 },
});

/** The disk refuses an operation, the `at`-th of that name. */
const refuses = (of: string, at: number): SimFault => ({ kind: 'disk', of, at, fault: 'EIO', power: false });

export const FOUND: readonly FoundBug[] = [
  {
    // The folder was there when the next run began, which took its name for durable.
    bug: 'an output folder whose name was never synced was lost with the power, and what was committed to it',
    scenario: small(
      ...[1, 2, 3].map(at => refuses('syncDirectory /', at)),
      ...[4100, 5100].map(at => ({ kind: 'power', at, downMs: 100 }) as const),
    ),
  },
  {
    bug: 'a manifest that the disk did not give was a system error without a code or a cure',
    scenario: small(refuses('open r /checkpoint/MANIFEST', 0)),
  },
  {
    bug: 'a lock that could not be looked up beside a sync of the log was a system error too',
    scenario: small(refuses('stat /checkpoint/LOCK.000001', 1), refuses('stat /checkpoint/LOCK.000001', 2)),
  },
  {
    bug: 'a snapshot that the disk did not give was called missing, to be put back from a copy',
    scenario: small(
      { kind: 'kill', at: 3500, downMs: 100 },
      refuses('open r /checkpoint/state/numbers-p0-103000-3.arrow', 1),
    ),
  },
];
