// Loaded into a measured Node process by `--import`: at its end writes what it used, all threads, to the file USAGE_FILE,
// what of that it had used when it first wrote to standard output, which is when it was up, and when a batch of Sluice
// ended for the first time, which is when it was warm.
import { writeFileSync } from 'node:fs';
import { isMainThread } from 'node:worker_threads';

const file = process.env.USAGE_FILE;
if (isMainThread && file !== undefined) {
  const usedMs = () => {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1000;
  };
  const now = () => ({ cpuMs: usedMs(), wallMs: performance.now() });
  let up = { cpuMs: 0, wallMs: 0 };
  let isUp = false;
  let warm;
  const { stdout } = process;
  const write = stdout.write;
  stdout.write = (...args) => {
    if (!isUp) up = now();
    isUp = true;
    if (String(args[0]).includes('"batchCompleted"')) {
      warm = now();
      stdout.write = write;
    }
    return write.apply(stdout, args);
  };
  process.on('exit', () => {
    const rssMb = process.resourceUsage().maxRSS / 1024;
    const end = now();
    const since = from => ({ cpuMs: end.cpuMs - from.cpuMs, wallMs: end.wallMs - from.wallMs });
    writeFileSync(file, JSON.stringify({ ...since(up), rssMb, startUp: up, warm: warm && since(warm) }));
  });
}
