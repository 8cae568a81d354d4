/**
 * How long a crash takes: the main job is killed (kill -9) in the middle of its 10 M events, started again, and timed
 * from process start to the first batch that it commits anew. Then it runs to its end, and each user's sentences must be
 * those of a run that never failed: counts that only grow, up to the true ones, none of them twice.
 *
 * Beside it, what it takes to lose one worker of a run instead: how much longer that batch takes than the others.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { clicksData, type ClicksData } from './data/clicks.js';
import { benchmark, bySize, type BenchmarkRun } from './harness/benchmark.js';
import { linesOf } from './harness/output.js';
import { check, report, say } from './harness/report.js';
import { freshFolder, runLive, type JobRun } from './harness/run-sluice.js';
import { percentile, spread } from './harness/stats.js';

const BATCHES = 12;

async function run(settings: BenchmarkRun): Promise<void> {
  const data = await clicksData(bySize(settings, 10_000_000, 20_000));
  const firstBatchMs: number[] = [];
  const restoreMs: number[] = [];
  for (let run = 0; run < settings.runs; run++) {
    say(`recovery: ${run + 1} of ${settings.runs}`);
    const folder = freshFolder('recovery');
    const output = join(folder, 'counts.csv');
    const job: JobRun = {
      ...{ job: 'jobs/click-view-counts.ts', args: { input: join(data.folder, 'input'), output } },
      ...{ workers: settings.workers, checkpoint: join(folder, 'checkpoint') },
      options: { maxBatchBytes: Math.ceil(data.bytes / BATCHES) },
    };
    let committed = 0;
    await runLive(
      job,
      (event, live) => {
        if (event.kind === 'batchCompleted' && ++committed === BATCHES / 2) live.kill();
      },
      'once',
    );
    const startMs = performance.now();
    let firstMs: number | undefined;
    await runLive(
      job,
      event => {
        if (event.kind === 'restored') restoreMs.push(event.tookMs);
        if (event.kind === 'batchCompleted') firstMs ??= performance.now() - startMs;
      },
      'once',
    );
    check(firstMs !== undefined, 'a batch after the restart');
    firstBatchMs.push(firstMs ?? Number.NaN);
    checkSentences(output, data);
  }
  const lostWorkerMs: number[] = [];
  for (let run = 0; run < settings.runs; run++) lostWorkerMs.push(await loseWorker(settings, data));
  const measured = {
    ...{ firstBatchMs: spread(firstBatchMs), restoreMs: spread(restoreMs), lostWorkerMs: spread(lostWorkerMs) },
  };
  report('recovery', { system: 'sluice', events: data.records, users: data.users, runs: settings.runs, ...measured });
}

/** One worker ends in a batch after the state is there: milliseconds that this batch takes beyond the median of the others. */
async function loseWorker(settings: BenchmarkRun, data: ClicksData): Promise<number> {
  say('recovery: a worker is lost');
  const folder = freshFolder('recovery', 'lost-worker');
  const flag = join(folder, 'flag');
  const batches: { readonly ms: number; readonly failedTasks: number }[] = [];
  await runLive(
    {
      job: 'benchmarks/jobs/lost-worker.ts',
      args: { input: join(data.folder, 'input'), output: join(folder, 'counts.csv'), flag },
      ...{ workers: settings.workers, checkpoint: join(folder, 'checkpoint') },
      options: { maxBatchBytes: Math.ceil(data.bytes / BATCHES), smallBatchRecords: 0 },
    },
    event => {
      if (event.kind !== 'batchCompleted') return;
      batches.push({ ms: event.batch.processingDelayMs, failedTasks: event.batch.failedTasks });
      if (batches.length === BATCHES / 2) writeFileSync(flag, '');
    },
    'once',
  );
  const lost = batches.filter(({ failedTasks }) => failedTasks > 0);
  check(lost.length === 1, `${lost.length} batches lost a worker`);
  const others = batches.slice(1).filter(({ failedTasks }) => failedTasks === 0);
  return (
    (lost[0]?.ms ?? Number.NaN) -
    percentile(
      others.map(({ ms }) => ms),
      0.5,
    )
  );
}

const SENTENCE = /^User (\w+) has clicked (\d+) times and viewed (\d+) times\.$/;

function checkSentences(output: string, data: ClicksData): void {
  const last = new Map<string, { clicks: number; views: number }>();
  for (const line of linesOf(output)) {
    const [, user = '', clicks, views] = SENTENCE.exec(line) ?? [];
    const now = { clicks: Number(clicks), views: Number(views) };
    const before = last.get(user) ?? { clicks: 0, views: 0 };
    const grew = now.clicks + now.views > before.clicks + before.views;
    check(grew && now.clicks >= before.clicks && now.views >= before.views, `after ${JSON.stringify(before)}: ${line}`);
    last.set(user, now);
  }
  const expected = countUsers(join(data.folder, 'input'));
  check(last.size === expected.size, `${last.size} users, not ${expected.size}`);
  for (const [user, { clicks, views }] of expected) {
    const got = last.get(user);
    check(got?.clicks === clicks && got.views === views, `${user}: ${JSON.stringify(got)}, not ${clicks} and ${views}`);
  }
}

function countUsers(input: string): Map<string, { clicks: number; views: number }> {
  const users = new Map<string, { clicks: number; views: number }>();
  for (const file of readdirSync(input)) {
    for (const line of readFileSync(join(input, file), 'latin1').trimEnd().split('\n').slice(1)) {
      const comma = line.indexOf(',');
      const user = line.slice(0, comma);
      const counts = users.get(user) ?? { clicks: 0, views: 0 };
      if (line.startsWith('click,', comma + 1)) counts.clicks++;
      else counts.views++;
      users.set(user, counts);
    }
  }
  return users;
}

export default benchmark('recovery', run);
