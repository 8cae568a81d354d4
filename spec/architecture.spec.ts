import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { expect } from 'chai';
import { Rdd } from '../lib/api/rdd.js';
import { ERROR_CODES } from '../lib/core/errors.js';
import { ENGINE_OPTIONS, envNameOf, formatDefault, type OptionInfo } from '../lib/core/options.js';

/** Which folder of lib/ may import which others, its own always. `index.ts` counts as a folder of that name. */
const MAY_IMPORT: Record<string, readonly string[]> = {
  core: [],
  protocol: ['core'],
  checkpoint: ['core'],
  metrics: ['core'],
  columnar: ['core'],
  expr: ['core', 'columnar'],
  plan: ['core', 'columnar', 'expr'],
  sql: ['core', 'columnar', 'expr', 'plan'],
  blocks: ['core', 'columnar'],
  state: ['core', 'columnar'],
  sources: ['core', 'columnar'],
  sinks: ['core', 'columnar'],
  api: ['core', 'expr', 'plan', 'sql', 'sources', 'sinks'],
  executor: ['core', 'columnar', 'expr', 'plan', 'api', 'protocol', 'blocks', 'state', 'sources', 'sinks'],
  scheduler: ['core', 'plan', 'protocol', 'checkpoint'],
  ui: ['core', 'metrics'],
  driver: [
    'core',
    'columnar',
    'expr',
    'plan',
    'sql',
    'api',
    'protocol',
    'blocks',
    'state',
    'checkpoint',
    'sources',
    'sinks',
    'executor',
    'scheduler',
    'metrics',
    'ui',
  ],
  cli: ['core', 'driver'],
  'index.ts': ['core', 'api', 'sources', 'sinks', 'driver'],
};

/** What has files of its own beside the `FileSystem` that specs crash and fail, and why that cannot cost data. */
const HAS_FILES: { readonly [file: string]: string } = {
  'lib/core/node-file-system.ts': 'is the file system',
  'lib/sources/input-files.ts':
    'reads input, by an interface of its own; what it gives is checked against what was planned',
  'lib/core/spill-file.ts':
    'is the file of what has no room in memory, which specs replace; nothing of it outlives the run',
  'lib/driver/block-store.ts': 'makes and empties the folder of such files',
  'lib/checkpoint/process-identity.ts': 'reads /proc',
  'lib/columnar/kernels.ts': "reads Sluice's own module",
  'lib/cli/version.ts': "reads Sluice's own package file",
  'lib/driver/machine-world.ts': "looks for Sluice's own modules",
  'lib/driver/receiver-thread.ts': "looks for Sluice's own modules",
  'lib/driver/main-program.ts': 'resolves the name of a program',
  'lib/driver/job-bundle.ts': "reads the job's sources, as esbuild beside it does",
  'lib/driver/job-module.ts': 'looks for the job file',
  'lib/driver/job-cache.ts': 'keeps what can be made again, and checks it',
  'lib/driver/receiver-folders.ts': 'removes the temporary folder of a run without a checkpoint',
  'lib/driver/restart-from.ts': 'looks who owns a manifest',
};

const TOP_LEVEL = [
  'lib',
  'spec',
  'jobs',
  'benchmarks',
  'package.json',
  'package-lock.json',
  'tsconfig.json',
  'README.md',
  'LICENSE',
];
/** Made by npm, the build and by running jobs; none of them is kept. */
const MADE = ['node_modules', 'dist', 'out', 'coverage'];

const MAX_LINES = 500;

const root = dirname(import.meta.dirname);
const read = (path: string): string => readFileSync(join(root, path), 'utf8');

const typescriptIn = (folder: string): string[] =>
  readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter(path => path.endsWith('.ts'))
    .map(path => join(folder, path))
    .sort();

/** The kernels are AssemblyScript: another language, with imports of its own. */
const engineFiles = typescriptIn('lib').filter(
  path => !path.startsWith(join('lib', 'kernels')) && !path.endsWith('.d.ts'),
);

/** What a file's import and export declarations name, those of types included. */
function specifiersOf(path: string): string[] {
  const declared = /^(?:import|export)\s(?:[^'";]*?\sfrom\s+)?'([^']+)'/gm;
  const dynamic = /\bimport\(\s*'([^']+)'\s*\)/g;
  return [declared, dynamic].flatMap(pattern => [...read(path).matchAll(pattern)].map(match => String(match[1])));
}

/** The files of lib/ that a file imports. */
function importsOf(path: string): string[] {
  return specifiersOf(path)
    .filter(specifier => specifier.startsWith('.'))
    .map(specifier => normalize(join(dirname(path), specifier)).replace(/\.js$/, '.ts'));
}

const folderOf = (path: string): string => String(path.split('/')[1]);

describe('architecture', () => {
  for (const file of engineFiles) {
    it(`${file} imports only what its folder may`, () => {
      const from = folderOf(file);
      expect(MAY_IMPORT, `the import table has no line for lib/${from}`).to.have.property(from);
      for (const target of importsOf(file)) {
        expect(existsSync(join(root, target)), `${target} exists`).to.equal(true);
        if (folderOf(target) === from) continue;
        expect(MAY_IMPORT[from], `${file} imports ${target}`).to.include(folderOf(target));
      }
    });
  }

  it('has no import cycles, imports of types included', () => {
    const cycle = findCycle(new Map(engineFiles.map(file => [file, importsOf(file)])));
    expect(cycle, cycle?.join(' -> ')).to.equal(undefined);
  });

  it('finds a cycle where there is one', () => {
    const graph = new Map([
      ['a', ['b']],
      ['b', ['c', 'd']],
      ['c', []],
      ['d', ['b']],
    ]);
    expect(findCycle(graph)).to.deep.equal(['b', 'd', 'b']);
  });

  it('lets jobs import nothing of Sluice but its public name', () => {
    for (const file of typescriptIn('jobs')) {
      for (const specifier of specifiersOf(file).filter(name => !name.startsWith('node:'))) {
        expect(specifier, file).to.equal('sluice');
      }
    }
  });

  it('loads what is large only when it is needed', () => {
    const eager = /^import\s+(?!type\b)[^;]*'(?:apache-arrow|esbuild)'/m;
    expect(engineFiles.filter(file => eager.test(read(file)))).to.deep.equal([]);
  });

  it('does everything with files that data depends on by the FileSystem that is passed in', () => {
    const using = /^import (?!type\b)[^;]*'node:fs(?:\/promises)?'|import\(\s*'node:fs|getBuiltinModule/m;
    expect(engineFiles.filter(file => using.test(read(file)))).to.have.members(Object.keys(HAS_FILES).map(normalize));
  });

  it('has no default exports in lib', () => {
    expect(engineFiles.filter(file => /^export default\b/m.test(read(file)))).to.deep.equal([]);
  });

  it(`says in the head comment of a file of more than ${MAX_LINES} lines why it is one file`, () => {
    const long = typescriptIn('lib').filter(file => read(file).split('\n').length > MAX_LINES);
    expect(long.filter(file => !/one file because/i.test(headOf(file)))).to.deep.equal([]);
  });

  it('has only the agreed entries at the top', () => {
    // Of a clone, what is tracked: a user's own input beside it is nobody's business.
    const tracked = existsSync(join(root, '.git'))
      ? execFileSync('git', ['ls-files'], { cwd: root, encoding: 'utf8' })
          .split('\n')
          .map(path => path.split('/')[0] ?? '')
      : readdirSync(root);
    const entries = [...new Set(tracked)].filter(name => !/^\.|^$/.test(name) && !MADE.includes(name));
    expect(entries.filter(name => !TOP_LEVEL.includes(name))).to.deep.equal([]);
  });
});

describe('README.md', () => {
  it('shows the main job as it is', () => {
    const source = read('jobs/click-view-counts.ts');
    expect(read('README.md')).to.contain(source.slice(source.indexOf('import ')));
  });
});

describe('lib/README.md', () => {
  const text = read('lib/README.md');
  const elsewhere = engineFiles.filter(file => file !== join('lib', 'core', 'errors.ts')).map(read);

  for (const [code, { exitCode, meaning }] of Object.entries(ERROR_CODES)) {
    it(`documents the error ${code}, which is thrown somewhere`, () => {
      expect(text).to.contain(`| \`${code}\` | ${exitCode} | ${meaning} |`);
      const throwing = elsewhere.filter(source => source.includes('EngineError(') || source.includes('): EngineError'));
      expect(
        throwing.some(source => source.includes(`'${code}'`)),
        `a file of lib that throws names '${code}'`,
      ).to.equal(true);
    });
  }

  for (const [name, info] of Object.entries<OptionInfo>(ENGINE_OPTIONS)) {
    it(`documents the option ${name}`, () => {
      const row = `| \`${name}\` | \`${envNameOf(name)}\` | ${info.type} | ${formatDefault(info)} | ${info.doc} | ${info.spark ?? ''} |`;
      expect(text).to.contain(row.replace(/ {2,}\|/g, ' |'));
    });
  }

  it('names every operation of RDDs, and none that is not there', () => {
    const [, table = ''] = text.split('On an RDD, in `transform` and `foreachRDD`');
    const rows =
      table
        .split('\n## ')[0]
        ?.split('\n')
        .filter(line => line.startsWith('| `')) ?? [];
    const isThere = (row: string): boolean => !row.includes('| not there |');
    const named = rows.filter(isThere).flatMap(row => [...(row.split(' | ')[0] ?? '').matchAll(/`(?:\w+\.)?(\w+)/g)]);
    const methods = Object.getOwnPropertyNames(Rdd.prototype).filter(name => name !== 'constructor');
    expect(named.map(match => match[1]).toSorted()).to.deep.equal(methods.toSorted());
  });

  it('says of every dependency why it is the one', () => {
    const { dependencies, devDependencies } = JSON.parse(read('package.json')) as Record<
      string,
      Record<string, string>
    >;
    const names = [...Object.keys(dependencies ?? {}), ...Object.keys(devDependencies ?? {})].filter(
      name => !name.startsWith('@types/'),
    );
    expect(names.filter(name => !text.includes(`**${name}**`))).to.deep.equal([]);
  });
});

/** The comment that a file begins with, or its first lines. */
const headOf = (path: string): string => read(path).split('\n').slice(0, 25).join('\n');

/** The nodes of one cycle, its first also at its end; undefined when there is none. */
function findCycle(graph: ReadonlyMap<string, readonly string[]>): string[] | undefined {
  const done = new Set<string>();
  const visit = (node: string, path: readonly string[]): string[] | undefined => {
    const at = path.indexOf(node);
    if (at >= 0) return [...path.slice(at), node];
    if (done.has(node)) return undefined;
    for (const next of graph.get(node) ?? []) {
      const cycle = visit(next, [...path, node]);
      if (cycle !== undefined) return cycle;
    }
    done.add(node);
    return undefined;
  };
  for (const node of graph.keys()) {
    const cycle = visit(node, []);
    if (cycle !== undefined) return cycle;
  }
  return undefined;
}
