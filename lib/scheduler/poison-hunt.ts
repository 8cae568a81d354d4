/**
 * Computes a batch under onPoison: 'deadletter'. When a task fails for good, the record that it fails on is looked for:
 * the stages up to that task are computed again on some of the batch's records, and what comes of it is thrown away,
 * until one record is left; then the batch is computed without it. Nothing is applied or put out before a computation
 * of the whole batch has ended well, so of one that failed nothing is left.
 *
 *   whole batch: fails in stage 1          no rows: passes          rows 0-3: passes   rows 4-5: fails   row 4: passes
 *   row 5: fails on every attempt          whole batch without row 5: ends well -> choice logged -> outcome
 *
 * Attempts: one for each part, all that a task may have for the record that is found. When that does not fail at each
 * of them, parts get as many in a second search, and after it the batch fails as it would under 'fail'.
 */
import { messageOf } from '../core/errors.js';
import type { Json } from '../core/json.js';
import type { NodeId } from '../plan/node.js';
import type { CompiledPlan } from '../plan/stages.js';
import type { TaskFailure } from '../protocol/task-failure.js';
import type { Batch, BatchFailure, BatchResult } from './batch.js';
import type { BatchComputation } from './batch-turn.js';
import { findCulprit, type Culprit } from './find-culprit.js';
import { choiceIn, onlyWindows, withoutPoison, type PoisonRecord, type RowWindow } from './poison-choice.js';

export interface PoisonHuntOptions {
  readonly compiled: CompiledPlan;
  /** Records of one batch at the most. */
  readonly maxRecords: number;
  /** Starts a computation of a batch, or of a part of it: `absent` are leaves that have no tasks, besides those of the batch. */
  readonly compute: (
    batch: Batch,
    done: (outcome: BatchResult | BatchFailure) => void,
    part?: Part,
  ) => BatchComputation;
  /** Gives back all that a computation left. */
  readonly release: (result: BatchResult) => void;
  /** A record is looked for. */
  readonly onBegin: (failure: BatchFailure) => void;
  /** Says why a record is left out. */
  readonly reasonOf: (failure: BatchFailure) => string;
  /** Told of the choice before the outcome is: it must be in the log before anything of the batch is put out. */
  readonly onChosen: (choice: readonly PoisonRecord[], found: readonly PoisonRecord[]) => void;
}

export interface Part {
  readonly absent: ReadonlySet<NodeId>;
  /** Whether a task of it has one attempt, or as many as those of a batch. */
  readonly attempts: Attempts;
}

type Attempts = 'one' | 'all';

interface Found {
  readonly place: Omit<PoisonRecord, 'reason'>;
  readonly why: BatchFailure;
}

const NO_RECORDS = 'It reads no records of a source, so none can be left out (onPoison: deadletter)';
const WITHOUT_RECORDS = 'It fails without any record of the batch as well (onPoison: deadletter)';
const NOW_AND_THEN = 'It fails only now and then, on no record in particular (onPoison: deadletter)';
const ANOTHER_FAILURE = 'While its record was looked for, something else failed as well (onPoison: deadletter)';
type Outcome = BatchResult | BatchFailure;

/** Whether a failure may be the doing of one record: what the job's code does, and what a value of it is. */
const isPoison = (failure: TaskFailure): boolean =>
  failure.kind === 'userError' ||
  failure.kind === 'workerLost' ||
  failure.kind === 'timeout' ||
  (failure.kind === 'engineError' && failure.code === 'typeMismatch');

/** A part failed for another reason than that which is looked for: there is no telling. */
class Undecided extends Error {
  readonly failure: TaskFailure;

  constructor(failure: TaskFailure) {
    super('another failure');
    this.failure = failure;
  }
}

export class PoisonHunt implements BatchComputation {
  readonly #options: PoisonHuntOptions;
  readonly #batch: Batch;
  readonly #done: (outcome: Outcome) => void;
  #choice: readonly PoisonRecord[];
  /** The last computation of the whole batch, or of the part that is under way. */
  #current: BatchComputation | undefined;
  #isCancelled = false;

  constructor(batch: Batch, options: PoisonHuntOptions, done: (outcome: Outcome) => void) {
    this.#batch = batch;
    this.#options = options;
    this.#done = done;
    this.#choice = choiceIn(batch.ranges);
  }

  start(): void {
    this.#run().then(this.#done, (error: unknown) =>
      this.#done({
        ...this.#nowhere(),
        failure: { kind: 'engineError', code: 'internal', message: messageOf(error), detail: '{}' },
      }),
    );
  }

  cancel(): void {
    this.#isCancelled = true;
    this.#current?.cancel();
  }

  apply(done: (failure: BatchFailure | undefined) => void): void {
    if (this.#current === undefined) return done(undefined);
    this.#current.apply(done);
  }

  async #run(): Promise<Outcome> {
    const { maxRecords, onBegin, onChosen, reasonOf } = this.#options;
    const found: PoisonRecord[] = [];
    for (;;) {
      const outcome = await this.#computeAll();
      if (!('failure' in outcome)) {
        if (found.length > 0) onChosen(this.#choice, found);
        return outcome;
      }
      if (!isPoison(outcome.failure) || this.#isCancelled) return outcome;
      if (found.length >= maxRecords) {
        const note = `${found.length} records were left out before, as many as maxPoisonRecords allows; none of them is in the dead letters, because the batch failed all the same`;
        return { ...outcome, note };
      }
      onBegin(outcome);
      const culprit = await this.#find(outcome);
      if (typeof culprit === 'string') return { ...outcome, note: culprit };
      if ('failure' in culprit) return { ...outcome, failure: culprit.failure };
      const record = { ...culprit.place, reason: reasonOf(culprit.why) };
      found.push(record);
      this.#choice = [...this.#choice, record];
    }
  }

  #nowhere(): Omit<BatchFailure, 'failure'> {
    return { time: this.#batch.time, stage: 0, partition: 0, attempts: 1, label: 'the search for a record' };
  }

  #computeAll(): Promise<Outcome> {
    return this.#compute(withoutPoison(this.#batch, this.#choice), undefined);
  }

  #compute(batch: Batch, part: Part | undefined): Promise<Outcome> {
    return new Promise(resolve => {
      this.#current = this.#options.compute(batch, resolve, part);
      if (this.#isCancelled) this.#current.cancel();
    });
  }

  /** @returns the record; or why there is none, or that the hunt was cancelled */
  async #find(failed: BatchFailure): Promise<Found | { readonly failure: TaskFailure } | string> {
    const ranges = this.#rangesOf(failed);
    if (ranges.length === 0) return NO_RECORDS;
    let note = NOW_AND_THEN;
    // What is lost by chance leads the first search astray; the second lets each part fail as often as a task may.
    for (const attempts of ['one', 'all'] as const) {
      try {
        if ((await this.#try(failed, [], 'all')) !== undefined) return WITHOUT_RECORDS;
        const found = await this.#search(failed, ranges, attempts);
        if (found !== undefined) return found;
        note = NOW_AND_THEN;
      } catch (error) {
        if (!(error instanceof Undecided)) throw error;
        if (error.failure.kind === 'cancelled') return { failure: error.failure };
        note = ANOTHER_FAILURE;
      }
    }
    return note;
  }

  /** First for the range, then for the record in it. @returns undefined when what it comes to does not fail always */
  async #search(failed: BatchFailure, ranges: readonly RowWindow[], attempts: Attempts): Promise<Found | undefined> {
    const inRange = await this.#culpritOf(ranges.length, (from, to) =>
      this.#try(failed, ranges.slice(from, to), attempts),
    );
    const range = ranges[inRange.at];
    const numRows = range === undefined ? 0 : await this.#countRows(failed, range);
    if (range === undefined || numRows === 0) return undefined;
    const before = inRange.isAlone ? [] : ranges.slice(0, inRange.at);
    const tryRows = (from: number, to: number, times: Attempts): Promise<BatchFailure | undefined> =>
      this.#try(failed, [...before, { ...range, from, to }], times);
    const { at, isAlone } = await this.#culpritOf(numRows, (from, to) => tryRows(from, to, attempts));
    const why = await tryRows(isAlone ? at : 0, at + 1, 'all');
    return why && { place: { source: range.source, range: range.range, row: at }, why };
  }

  #culpritOf(
    count: number,
    attempt: (from: number, to: number) => Promise<BatchFailure | undefined>,
  ): Promise<Culprit> {
    return findCulprit(count, async (from, to) => (await attempt(from, to)) !== undefined);
  }

  /**
   * Computes the stages up to the one that failed, on some rows alone.
   * @returns how that stage failed, or undefined when it did not. Throws `Undecided`
   */
  async #try(
    failed: BatchFailure,
    windows: readonly RowWindow[],
    attempts: Attempts,
  ): Promise<BatchFailure | undefined> {
    const outcome = await this.#computePart(failed, windows, attempts);
    if (!('failure' in outcome)) {
      this.#drop(outcome);
      return undefined;
    }
    if (outcome.stage !== failed.stage || !isPoison(outcome.failure)) throw new Undecided(outcome.failure);
    return outcome;
  }

  /** How many good records a range has. */
  async #countRows(failed: BatchFailure, range: RowWindow): Promise<number> {
    const beyond = { ...range, from: Number.POSITIVE_INFINITY, to: Number.POSITIVE_INFINITY };
    const outcome = await this.#computePart(failed, [beyond], 'all');
    if ('failure' in outcome) throw new Undecided(outcome.failure);
    this.#drop(outcome);
    return outcome.recordsBySource.get(range.source) ?? 0;
  }

  #computePart(failed: BatchFailure, windows: readonly RowWindow[], attempts: Attempts): Promise<Outcome> {
    const { stages } = this.#options.compiled;
    const needed = this.#ancestorsOf(failed.stage);
    const absent = new Set(stages.filter(({ id }) => !needed.has(id)).map(({ leaf }) => leaf.id));
    return this.#compute(onlyWindows(this.#batch, this.#choice, windows), { absent, attempts });
  }

  #drop(result: BatchResult): void {
    this.#current?.cancel();
    this.#options.release(result);
  }

  /** The stage and all that it reads of. */
  #ancestorsOf(stage: number): ReadonlySet<number> {
    const found = new Set([stage]);
    for (const id of found) for (const parent of this.#options.compiled.stages[id]?.parents ?? []) found.add(parent);
    return found;
  }

  /** The ranges whose records the task that failed read, or came from what it read. */
  #rangesOf({ stage, partition }: BatchFailure): readonly RowWindow[] {
    const { stages } = this.#options.compiled;
    return [...this.#ancestorsOf(stage)]
      .toSorted((a, b) => a - b)
      .flatMap(id => {
        const operation = stages[id]?.leaf.operation;
        if (operation?.kind !== 'source') return [];
        const source = operation.sourceId;
        const ranges: readonly Json[] = this.#batch.ranges[source] ?? [];
        return ranges.flatMap((_, range) =>
          id !== stage || range === partition ? [{ source, range, from: 0, to: Number.POSITIVE_INFINITY }] : [],
        );
      });
  }
}
