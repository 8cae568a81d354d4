/** Closures on real worker threads: what crosses, and what is refused because it cannot. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { dirname, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { expect } from 'chai';
import { tempFolder } from '../helpers/temp-folder.js';

const root = dirname(dirname(import.meta.dirname));

describe('closures on worker threads', () => {
  const folder = tempFolder();

  /** Runs a job file made of `top` and a build function's `body` over three batches of numbers. */
  async function run(name: string, top: string, body: string) {
    const file = folder.file(
      `${name}.ts`,
      `import { BatchQueue, job } from 'sluice';
       const queue = new BatchQueue<number>().push([1, 2], [3], [4, 5]);
       ${top}
       export default job('${name}', { options: { workers: 2 } }, ssc => {
         const numbers = ssc.queueStream(queue);
         ${body}
       });`,
    );
    const args = [join(root, 'dist', 'cli', 'main.js'), 'run', file, '--once', '--checkpoint', 'none'];
    const child = spawn(process.execPath, args, { cwd: folder.path, timeout: 20_000 });
    const [out, err, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')]);
    return { code: code as number | null, out, err };
  }

  it('run lineages of transform and foreachRDD, with broadcast values and accumulators', async () => {
    const { code, out, err } = await run(
      'fine',
      '',
      `const factor = ssc.broadcast(2);
       const rows = ssc.sumAccumulator('rows');
       numbers
         .transform((rdd, time) => rdd.map(n => (time > 0 ? n * factor.value : 0)))
         .foreachRDD(async rdd => {
           const sum = (await rdd.reduce((a, b) => a + b)) ?? 0;
           const over = await rdd.filter(n => { rows.add(1); return n * 2 >= sum; }).collect();
           console.log(JSON.stringify({ sum, over, rows: rows.value, factor: factor.value }));
           factor.replace(factor.value + 1);
         });`,
    );
    expect(err).to.not.contain('error');
    expect(code).to.equal(0);
    const lines = out
      .split('\n')
      .filter(line => line.startsWith('{'))
      .map(line => JSON.parse(line) as unknown);
    expect(lines).to.have.length(3);
    expect(lines[0]).to.deep.equal({ sum: 6, over: [4], rows: 2, factor: 2 });
    expect(lines.map(line => (line as { rows: number }).rows)).to.deep.equal([2, 3, 5]);
  });

  it('are refused where a variable differs from thread to thread', async () => {
    const { code, err } = await run('salted', 'const salt = Math.random();', 'numbers.map(n => n + salt).print();');
    expect(code).to.not.equal(0);
    expect(err).to.match(
      /variable 'salt', which the closure of map at .*salted\.ts:\d+ uses, holds .* in a worker and .* in the driver/,
    );
    expect(err).to.contain('ssc.broadcast');
  });

  it('are refused where a function of transform captures what changes', async () => {
    const body = 'numbers.transform(rdd => { const at = Math.random(); return rdd.map(n => n + at); }).print();';
    const { code, err } = await run('random', '', body);
    expect(code).to.not.equal(0);
    expect(err).to.contain("variable 'at', which the closure of map");
  });

  it('are refused where an action uses what the driver has collected aside', async () => {
    const { code, err } = await run(
      'aside',
      'let seen = 0;',
      'numbers.foreachRDD(async rdd => { seen += await rdd.count(); await rdd.map(n => n + seen).collect(); });',
    );
    expect(code).to.not.equal(0);
    expect(err).to.contain("variable 'seen'");
  });

  it('are waited for where an action may be async, with what they add', async () => {
    const { code, out, err } = await run(
      'waiting',
      'const soon = (): Promise<void> => new Promise(resolve => void setImmediate(resolve));',
      `const sum = ssc.sumAccumulator('sum');
       numbers.foreachRDD(async rdd => {
         await rdd.foreach(async n => { await soon(); sum.add(n); });
         await rdd.foreachPartition(async rows => { for (const n of rows) { await soon(); sum.add(10 * n); } });
         console.log('sum', sum.value);
       });`,
    );
    expect(err).to.not.contain('error');
    expect(code).to.equal(0);
    expect(out.match(/^sum \d+$/gm)).to.deep.equal(['sum 33', 'sum 66', 'sum 165']);
  });

  // A worker that ran the function again for a later action printed it again, as often as there were actions and workers.
  it('print once what stands before an action, and what tasks print', async () => {
    const { out } = await run(
      'printing',
      '',
      `numbers.foreachRDD(async rdd => {
         console.log('before');
         const count = await rdd.map(n => n).count();
         console.log('rows', count);
         await rdd.foreach(n => console.log('task', n));
         console.log('after');
       });`,
    );
    const said = (pattern: RegExp): number => out.match(pattern)?.length ?? 0;
    expect([said(/^before$/gm), said(/^rows \d$/gm), said(/^after$/gm)]).to.deep.equal([3, 3, 3]);
    expect(out.match(/^task \d$/gm)?.toSorted()).to.deep.equal([1, 2, 3, 4, 5].map(n => `task ${n}`));
  });

  // The batch was committed, and the process ended by the rejection that nobody handled.
  it('fail the batch also where nobody awaits the action', async () => {
    const { code, out, err } = await run(
      'unawaited',
      '',
      "numbers.foreachRDD(rdd => { void rdd.foreach(n => { if (n === 3) throw new RangeError('three'); }); });",
    );
    expect(code).to.equal(1);
    expect(err).to.match(/error: batch .* failed in mapPartitions at unawaited\.ts:\d+ .*: RangeError: three at /);
    expect(out).to.match(/failed: 2 records in 1 batch/);
  });

  // It was told of 'the function of slice', which the job does not have.
  it('are refused, with the cure, in an action that begins when its function has ended', async () => {
    const { code, err } = await run('late', '', 'numbers.foreachRDD(rdd => { void rdd.map(n => n).histogram(2); });');
    expect(code).to.not.equal(0);
    expect(err).to.match(/the function of foreachRDD at late\.ts:\d+ had ended for batch \d+: await each action in it/);
  });

  it('are refused where they would have to be waited for', async () => {
    const { code, err } = await run('promised', '', 'numbers.filter((async () => false) as never).print();');
    expect(code).to.not.equal(0);
    expect(err).to.match(
      /the condition of filter at promised\.ts:\d+ must be true or false at once, it gave a promise/,
    );
  });
});
