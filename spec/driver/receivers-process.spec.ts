/** Receivers as users run them: the command line in a process of its own, the receivers in their thread, killed and all. */
import { readFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { expect } from 'chai';
import { LiveProcess } from '../helpers/live-process.js';
import { tempFolder } from '../helpers/temp-folder.js';

const KILLS = 2;

describe('receivers in their thread', function () {
  this.timeout(60_000);
  const folder = tempFolder();
  const ingest = folder.file(
    'ingest.ts',
    `import { arg, job, text } from 'sluice';
     const args = { output: arg.path('out', 'file'), port: arg.integer(0, 'port') };
     export default job('ingest', { args }, (ssc, { output, port }) => {
       ssc.httpStream({ port, format: text() }).saveAsText(output);
     });`,
  );
  const outputOf = (name: string): string => join(folder.path, `${name}.txt`);
  const argsOf = (job: string, name: string): string[] => [
    ...[job, '--interval', '30ms', '--workers', '2', '--checkpoint', join(folder.path, name)],
    ...['--option', 'checkpointInterval=50ms', '--arg', `output=${outputOf(name)}`],
  ];

  it('put everything acknowledged into the output once, though the process is killed again and again', async () => {
    const acknowledged: string[] = [];
    const tried = new Set<string>();
    let run = new LiveProcess(argsOf(ingest, 'killed'));
    for (let kill = 0; kill < KILLS + 1; kill++) {
      const { receiver } = await run.event('receiverStarted');
      const until = acknowledged.length + 30 + kill * 25;
      let isDown = false;
      const sender = async (name: number): Promise<void> => {
        for (let i = 0; !isDown; i++) {
          const lines = [0, 1, 2].map(n => `${kill}-${name}-${i}-${n}`);
          for (const line of lines) tried.add(line);
          try {
            const answer = await fetch(receiver.location, { method: 'POST', body: lines.join('\n') });
            if (answer.status === 200) acknowledged.push(...lines);
            await answer.text();
          } catch {
            // It was killed meanwhile; what became of these lines nobody has promised.
            isDown = true;
          }
          if (acknowledged.length >= until && kill < KILLS && !isDown) {
            isDown = true;
            run.child.kill('SIGKILL');
          } else if (acknowledged.length >= until) {
            isDown = true;
          }
        }
      };
      await Promise.all([1, 2, 3, 4].map(sender));
      if (kill === KILLS) break;
      await run.exited;
      run = new LiveProcess(argsOf(ingest, 'killed'));
    }
    expect(await run.stop(), run.stderr).to.equal(0);
    const lines = readFileSync(outputOf('killed'), 'utf8').trimEnd().split('\n');
    expect(new Set(lines).size, 'a line came twice').to.equal(lines.length);
    expect(acknowledged.filter(line => !lines.includes(line))).to.deep.equal([]);
    expect(lines.filter(line => !tried.has(line))).to.deep.equal([]);
    expect(acknowledged.length).to.be.at.least(100);
  });

  it('end the run with exit code 2 when a port is taken', async () => {
    const server = createServer();
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const run = new LiveProcess([...argsOf(ingest, 'taken'), '--arg', `port=${port}`]);
    expect(await run.exited).to.equal(2);
    expect(run.stderr).to.match(
      /error: source http: httpStream cannot listen on 127\.0\.0\.1 port \d+: another program/,
    );
    await new Promise(resolve => server.close(resolve));
  });

  it('are started again when the code of one ends their thread, and nothing acknowledged is lost', async () => {
    const marks = join(folder.path, 'marks.txt');
    const crashing = folder.file(
      'crashing.ts',
      `import { appendFileSync } from 'node:fs';
       import { job, arg, Receiver } from 'sluice';
       class Crashing extends Receiver<string> {
         onStart() {
           const item = 'item ' + process.hrtime.bigint();
           void this.store([item]).then(() => {
             appendFileSync(${JSON.stringify(marks)}, item + '\\n');
             setTimeout(() => { throw new RangeError('boom'); });
           });
         }
         onStop() {}
       }
       const args = { output: arg.path('out', 'file') };
       export default job('crashing', { args }, (ssc, { output }) => {
         ssc.receiverStream(() => new Crashing(), { id: 'mine' }).saveAsText(output);
       });`,
    );
    const run = new LiveProcess(argsOf(crashing, 'crashing'));
    const lost = await run.event('warning', ({ message }) => message.includes('thread was lost'));
    expect(lost.message).to.match(
      /^the receivers' thread was lost: uncaught: RangeError: boom at .*crashing\.ts:8/,
      lost.message,
    );
    await run.event('receiverStarted');
    await run.event('warning', event => event !== lost && event.message.includes('thread was lost'));
    expect(await run.stop(), run.stderr).to.equal(0);
    const stored = readFileSync(marks, 'utf8');
    expect(stored.split('\n').length).to.be.at.least(3);
    expect(readFileSync(outputOf('crashing'), 'utf8')).to.equal(stored);
  });
});
