// Loaded into a measured Node process by `--import`: at its end writes what it used, all threads, to the file USAGE_FILE,
// and what of that it had used when it first wrote to standard output, which is when it was up.
import { writeFileSync } from 'node:fs';
import { isMainThread } from 'node:worker_threads';

const file = process.env.USAGE_FILE;
if (isMainThread && file !== undefined) {
  const usedMs = () => {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1000;
  };
  let up = { cpuMs: 0, atMs: 0 };
  const { stdout } = process;
  const write = stdout.write;
  stdout.write = (...args) => {
    up = { cpuMs: usedMs(), atMs: performance.now() };
    stdout.write = write;
    return write.apply(stdout, args);
  };
  process.on('exit', () => {
    const rssMb = process.resourceUsage().maxRSS / 1024;
    const startUp = { cpuMs: up.cpuMs, wallMs: up.atMs };
    writeFileSync(
      file,
      JSON.stringify({ cpuMs: usedMs() - up.cpuMs, wallMs: performance.now() - up.atMs, rssMb, startUp }),
    );
  });
}
