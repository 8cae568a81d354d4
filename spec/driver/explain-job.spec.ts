import { expect } from 'chai';
import { job } from '../../lib/api/job.js';
import { desc } from '../../lib/api/ordered-rows.js';
import { main } from '../../lib/cli/main.js';
import { csv, text } from '../../lib/core/format.js';
import { arg } from '../../lib/core/job-args.js';
import { int64, nullable, schema, utf8 } from '../../lib/core/schema.js';
import { explain } from '../../lib/driver/explain-job.js';
import { count } from '../../lib/expr/aggregate.js';
import { col } from '../../lib/expr/expr.js';
import { length, lower, udf } from '../../lib/expr/functions.js';
import { FakeTerminal } from '../cli/fake-terminal.js';

const events = schema({ user: utf8(), action: nullable(utf8()), size: int64(), note: utf8() });
const args = { limit: arg.integer(5, 'smallest size') };

/** Where the job's code stands is not what is compared. */
const withoutPlaces = (plan: string): string[] => plan.split('\n').map(line => line.replace(/ {2}at \S+:\d+$/, ''));

const counts = job('counts', { args, options: { workers: 3 } }, (ssc, { limit }) => {
  const odd = udf((size: number) => size % 2 === 1, 'bool');
  ssc
    .fileStream('in', csv(events))
    .withColumn('name', lower(col('user')))
    .withColumn('long', length(col('note')))
    .where(col('action').eq('click').and(col('size').ge(limit)))
    .where(col('user').like('a%').and(col('size').mul(2).gt(9)))
    .where(odd(col('size')))
    .groupBy('name')
    .agg({ n: count() })
    .orderBy(desc('n'))
    .limit(10)
    .map(({ name }) => name)
    .print();
});

describe('explain', () => {
  it('shows the plan, and what a batch runs', async () => {
    const all = 'user utf8, action utf8?, size int64, note utf8';
    expect(withoutPlaces(await explain(counts, { args: { limit: '7' } }))).to.deep.equal([
      'plan',
      `  node 0: source files [${all}]`,
      `  node 1: project user: user, action: action, size: size, note: note, name: lower(user) <- 0 [${all}, name utf8]`,
      `  node 2: project user: user, action: action, size: size, note: note, name: name, long: length(note) <- 1 [${all}, name utf8, long int64]`,
      `  node 3: where action = "click" and size >= 7 <- 2 [${all}, name utf8, long int64]`,
      `  node 4: where like(user, "a%") and size * 2 > 9 <- 3 [${all}, name utf8, long int64]`,
      `  node 5: where udf(size) <- 4 [${all}, name utf8, long int64]`,
      '  node 6: aggregate n by name utf8 <- shuffle shuffle [name utf8, n int64]',
      '  node 7: orderRows by n descending, the first 10 <- 6 [name utf8, n int64]',
      '  node 8: orderRows by n descending, the first 10 <- shuffle shuffle-2 [name utf8, n int64]',
      '  node 9: map <- 8',
      '  output print <- 9',
      '',
      'stages',
      '  stage 0: a task for each range of input',
      '    node 0: source files',
      '      decodes user, action, size; checks and leaves note',
      '    nodes 1, 2, 3, 4, 5: one pass over columns; projections made one, filter before projection 3 times, filters made one',
      '      where action = "click" and size >= 7  (kernels, over columns)',
      '      and like(user, "a%")  (kernels, over texts)',
      '      and size * 2 > 9  (loop, row by row)',
      '      where udf(size)  (loop, row by row)',
      '      project name: lower(user); nobody reads 5 more',
      '    node 5 => shuffle: by groups, 3 partitions',
      '  stage 1: 3 tasks, after stage 0',
      '    node 6: aggregate n by name utf8 of shuffle',
      '    node 7: orderRows by n descending, the first 10 (columns)',
      '    node 7 => shuffle-2: by columns, 1 partition',
      '  stage 2: 1 task, after stage 1',
      '    node 8: orderRows by n descending, the first 10 of shuffle-2',
      '    node 9: map (closure, over rows)',
      '    node 9 => output print',
      '',
    ]);
  });

  it('says where each operation stands', async () => {
    expect(await explain(counts)).to.match(/node 3: where .* {2}at spec\/driver\/explain-job\.spec\.ts:\d+\n/);
  });

  it('shows sources of which no column, every column, or none that is declared is read', async () => {
    const made = job('made', {}, ssc => {
      ssc
        .fileStream('a', csv(events))
        .select({ one: col('size').isNull() })
        .print();
      ssc.fileStream('b', text({ column: 'line' })).print();
      ssc.fileStream('c', text()).print();
    });
    expect((await explain(made)).split('\n').filter(line => /decodes|without/.test(line))).to.deep.equal([
      '      decodes size; checks and leaves user, action, note',
      '      decodes all columns: line utf8',
      '      rows without declared columns',
    ]);
  });

  it('refuses what a run refuses', async () => {
    const refusal = async (run: () => Promise<unknown>): Promise<unknown> => run().catch((error: unknown) => error);
    expect(await refusal(() => explain(counts, { args: { limits: '7' } }))).to.have.property('code', 'optionUnknown');
    const broken = job('broken', {}, () => {
      throw new Error('no luck');
    });
    expect(String(await refusal(() => explain(broken)))).to.contain("the build function of job 'broken' threw");
  });

  it('is a command', async () => {
    const lines = job('lines', { args }, (ssc, { limit }) => ssc.textFileStream('in').repartition(limit).print());
    const loaded = { name: 'lines', args: [], options: {}, file: undefined, module: '', job: lines };
    let opened: string | undefined;
    const openJob = async (path: string): Promise<typeof loaded> => {
      opened = path;
      return loaded;
    };
    const startJob = (): never => {
      throw new Error('nothing is to be run');
    };
    const terminal = new FakeTerminal();
    const argv = ['explain', 'jobs/lines.ts', '--workers', '2', '--arg', 'limit=9'];
    expect([await main(argv, terminal, async () => ({ openJob, startJob })), terminal.errText]).to.deep.equal([0, '']);
    expect(opened).to.equal('/work/jobs/lines.ts');
    expect(terminal.outText).to.equal(await explain(lines, { args: { limit: '9' }, workers: 2 }));
    expect(terminal.outText).to.contain('stage 1: 9 tasks, after stage 0');
  });
});
