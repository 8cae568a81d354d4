/**
 * The limit: what one thread of C++ does with the same files, without an engine. It needs a compiler (`c++`, or what CXX
 * names) on an x86-64 machine with AVX2, and for one of its forms simdjson's header and library, without which that form is left out.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { benchmarksFolder } from '../../harness/folders.js';
import { runCommand } from '../../harness/run-process.js';
import { runTimes, WORKLOADS, type Peer, type PeerResult, type Workload } from '../peer.js';

const SOURCES = join(benchmarksFolder, 'peers', 'cpp');
const COMPILER = process.env['CXX'] ?? 'c++';
const FLAGS = ['-O3', '-march=native', '-std=c++17'];
const SIMDJSON = ['-DWITH_SIMDJSON', '-lsimdjson'];

const compile = (folder: string, name: string, as: string, flags: readonly string[]): Promise<string> =>
  runCommand(COMPILER, [...FLAGS, '-o', join(folder, as), join(SOURCES, `${name}.cpp`), ...flags]);

/** Program and the form that it is asked for; the form is not named where there is one only. */
const FORMS: Readonly<Record<Workload, readonly (readonly [program: string, ...form: string[]])[]>> = {
  ysb: [
    ['ysb', 'in order'],
    ['ysb-simdjson', 'simdjson'],
  ],
  wordcount: [
    ['text', 'words'],
    ['text', 'words16'],
  ],
  grep: [
    ['text', 'grep'],
    ['text', 'grep simd'],
  ],
  clicks: [['clicks']],
};

export const cpp: Peer = {
  name: 'cpp',
  stamp: '1',
  workloads: WORKLOADS,
  async install(folder) {
    for (const name of ['ysb', 'text', 'clicks']) await compile(folder, name, name, []);
    await compile(folder, 'ysb', 'ysb-simdjson', SIMDJSON).catch((error: unknown) => {
      console.error(
        `cpp: without the form simdjson, which wants its development package: ${String(error).slice(0, 300)}`,
      );
    });
  },
  async run(folder, { workload, data, runs }) {
    const results: PeerResult[] = [];
    for (const [program, ...form] of FORMS[workload]) {
      const path = join(folder, program);
      if (existsSync(path)) results.push(...(await runTimes(runs, path, [data, ...form])));
    }
    return results;
  },
};
