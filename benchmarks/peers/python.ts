/** Peers that are Python packages: each has an environment of its own in the cache. */
import { join } from 'node:path';
import { runCommand } from '../harness/run-process.js';

const INSTALL_LIMIT_MS = 1_800_000;

/** Makes the environment `python` in a folder and installs packages into it by pip, from where pip is set up to look. */
export async function installPythonPackages(folder: string, packages: readonly string[]): Promise<void> {
  await runCommand('python3', ['-m', 'venv', join(folder, 'python')], { limitMs: INSTALL_LIMIT_MS });
  await runCommand(pythonIn(folder), ['-m', 'pip', 'install', '--quiet', ...packages], { limitMs: INSTALL_LIMIT_MS });
}

export const pythonIn = (folder: string): string => join(folder, 'python', 'bin', 'python');
