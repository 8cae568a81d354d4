import { realpathSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { isMainThread } from 'node:worker_threads';

/** Job files whose module is being evaluated in this thread. */
const loading = new Map<string, number>();

/** Notes that a job file is loaded as a job from now on. @returns what ends that */
export function startLoading(job: string): () => void {
  const path = realPath(job);
  loading.set(path, (loading.get(path) ?? 0) + 1);
  return () => {
    const left = (loading.get(path) ?? 1) - 1;
    if (left === 0) loading.delete(path);
    else loading.set(path, left);
  };
}

/**
 * Whether a file is the program that was started, and is not just being loaded as a job: by the command line, by a
 * worker, or by the same file when it runs as a program. So a job file can have a program part:
 *
 *     if (isMain(import.meta.url)) {
 *       const context = await JobContext.create(import.meta.url);
 *       await context.start();
 *       await context.awaitTermination();
 *     }
 *
 * @param url the file's own `import.meta.url`
 */
export function isMain(url: string | URL): boolean {
  const [, script] = process.argv;
  if (!isMainThread || script === undefined) return false;
  const path = realPath(fileURLToPath(url));
  return realPath(script) === path && !loading.has(path);
}

/** The path without symbolic links; where there is nothing, the path. */
function realPath(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
}
