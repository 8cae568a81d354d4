/**
 * Compiles a job file with esbuild: one module of the file and what it imports by relative path. What a module is to
 * Node depends on where it lies, and the result lies in a cache; so everything that is looked up from a file's place is
 * settled here, from the source's place:
 *
 *   'sluice'                        the given entry, so that job, driver and worker share one copy
 *   bare imports                    the file URL they resolve to
 *   import.meta.url/.dirname/...    constants of the source file; __dirname and __filename too
 *   require                         one that starts from the job file
 *
 * Only `import(...)` of a computed relative path is beyond this: it is looked up in the cache, and not found.
 */
import { existsSync, readFileSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { dirname, extname, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { BuildFailure, Loader, Message, OnLoadResult, OnResolveResult, Plugin } from 'esbuild';
import { EngineError } from '../core/errors.js';

export interface JobIdentity {
  /** Absolute path of the job file. */
  readonly job: string;
  /** Absolute path of the module that `sluice` means. */
  readonly sluiceEntry: string;
}

export interface JobBundle {
  /** Text of the compiled module, its source map inside. */
  readonly text: string;
  /** Absolute paths of the files whose content it was made of, and of those whose change would make another. */
  readonly inputs: readonly string[];
  /** When the first of them was read, epoch ms. */
  readonly startedMs: number;
}

/** Compilations under way; the last one ends esbuild's process. */
let numBuilding = 0;

const LOADERS: { readonly [extension: string]: Loader } = {
  '.ts': 'ts',
  '.mts': 'ts',
  '.cts': 'ts',
  '.tsx': 'tsx',
  '.jsx': 'jsx',
  '.js': 'js',
  '.mjs': 'js',
  '.cjs': 'js',
};

/** The names that stand for what Node would say of the source file. esbuild renames them where two files have them. */
const PLACE_NAMES = {
  'import.meta.url': '__sluice_url',
  'import.meta.filename': '__sluice_filename',
  'import.meta.dirname': '__sluice_dirname',
  __filename: '__sluice_filename',
  __dirname: '__sluice_dirname',
};

/** Throws `jobInvalid` with file, line, column and the source line where the job does not compile. */
export async function bundleJob({ job, sluiceEntry }: JobIdentity): Promise<JobBundle> {
  // Loaded when it is needed: with a compiled job in the cache esbuild costs nothing.
  const { build, stop } = await import('esbuild');
  const packageFiles = new Set<string>();
  const startedMs = Date.now();
  numBuilding++;
  try {
    const result = await build({
      entryPoints: [job],
      absWorkingDir: dirname(job),
      bundle: true,
      write: false,
      metafile: true,
      format: 'esm',
      platform: 'node',
      target: 'node20',
      conditions: [],
      mainFields: ['main'],
      sourcemap: 'inline',
      sourcesContent: true,
      logLevel: 'silent',
      define: PLACE_NAMES,
      banner: {
        js: `import { createRequire as __sluice_require } from 'node:module'; const require = __sluice_require(${JSON.stringify(job)});`,
      },
      // Only makes the source map's paths absolute: nothing is written.
      outfile: join(dirname(job), '.sluice-job.mjs'),
      plugins: [resolveImports(sluiceEntry, packageFiles), keepPlaces()],
    });
    const inputs = Object.keys(result.metafile.inputs).map(name => resolve(dirname(job), name));
    return {
      text: absoluteSources(result.outputFiles[0].text, dirname(job)),
      inputs: [...new Set([job, ...inputs, ...tsconfigsAbove(job), ...packageFiles])],
      startedMs,
    };
  } catch (error) {
    throw compileError(job, error as Partial<BuildFailure> & Error);
  } finally {
    if (--numBuilding === 0) await stop();
  }
}

/** esbuild writes sources relative to the output; the output goes elsewhere. */
function absoluteSources(text: string, folder: string): string {
  const marker = '//# sourceMappingURL=data:application/json;base64,';
  const at = text.lastIndexOf(marker);
  const map = JSON.parse(Buffer.from(text.slice(at + marker.length), 'base64').toString('utf8')) as {
    sources: string[];
  };
  map.sources = map.sources.map(source => pathToFileURL(resolve(folder, source)).href);
  return `${text.slice(0, at)}${marker}${Buffer.from(JSON.stringify(map)).toString('base64')}\n`;
}

function resolveImports(sluiceEntry: string, packageFiles: Set<string>): Plugin {
  // Of a require, Node wants a path; of an import, a URL.
  const external = (kind: string, path: string): OnResolveResult => ({
    path: kind === 'require-call' || kind === 'require-resolve' ? path : pathToFileURL(path).href,
    external: true,
  });
  return {
    name: 'sluice-imports',
    setup(build) {
      build.onResolve({ filter: /^sluice$/ }, args => external(args.kind, sluiceEntry));
      build.onResolve({ filter: /^[^./]/ }, async args => {
        if (args.kind === 'entry-point' || args.pluginData === 'nested' || /^[A-Za-z]:[\\/]/.test(args.path))
          return undefined;
        if (isBuiltin(args.path)) return { path: args.path, external: true };
        if (/^(?:file|data|https?):/.test(args.path)) return { path: args.path, external: true };
        const { importer, resolveDir, kind } = args;
        const found = await build.resolve(args.path, { importer, resolveDir, kind, pluginData: 'nested' });
        if (found.errors.length > 0) return { errors: found.errors.map(error => withCure(error, args.path)) };
        // An alias of the project's tsconfig (`paths`) or package.json (`imports`) names a source of its own.
        if (!/[\\/]node_modules[\\/]/.test(found.path)) return { path: found.path, namespace: found.namespace };
        packageFiles.add(packageFileOf(found.path));
        return external(kind, found.path);
      });
    },
  };
}

function withCure(error: Message, specifier: string): { text: string } {
  const name = specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');
  return {
    text: `${error.text}: run 'npm install ${name}' where the job's package.json is, or import files by './path'`,
  };
}

/** Puts what Node would say of each source file before its first line, where the file asks. Lines stay where they are. */
function keepPlaces(): Plugin {
  return {
    name: 'sluice-places',
    setup(build) {
      build.onLoad({ filter: /\.[cm]?[jt]sx?$/, namespace: 'file' }, (args): OnLoadResult | undefined => {
        const loader = LOADERS[extname(args.path)];
        const source = readFileSync(args.path, 'utf8');
        if (loader === undefined || !/import\.meta\b|__filename|__dirname/.test(source)) return undefined;
        const places =
          `const __sluice_url = ${JSON.stringify(pathToFileURL(args.path).href)}, ` +
          `__sluice_filename = ${JSON.stringify(args.path)}, __sluice_dirname = ${JSON.stringify(dirname(args.path))}; `;
        return { contents: source.startsWith('#!') ? `${places}//${source}` : places + source, loader };
      });
    },
  };
}

/** The package.json of an imported package: another version may resolve to another file. */
function packageFileOf(file: string): string {
  let folder = dirname(file);
  while (!existsSync(join(folder, 'package.json')) && folder !== dirname(folder)) folder = dirname(folder);
  return join(folder, 'package.json');
}

/** esbuild reads the nearest tsconfig and what it extends, and does not say which it read. Files that are not there count as such. */
function tsconfigsAbove(job: string): string[] {
  const files: string[] = [];
  for (let folder = dirname(job); ; folder = dirname(folder)) {
    files.push(join(folder, 'tsconfig.json'), join(folder, 'tsconfig.base.json'));
    if (folder === dirname(folder)) return files;
  }
}

function compileError(job: string, error: Partial<BuildFailure> & Error): EngineError {
  const errors = error.errors ?? [];
  if (errors.length === 0)
    return new EngineError('jobInvalid', `job ${job} does not compile: ${error.message}`, { cause: error });
  const shown = errors.slice(0, 5).map(message => formatMessage(job, message));
  const more = errors.length > 5 ? `\n(${errors.length - 5} more)` : '';
  const at = errors[0].location;
  const detail =
    at === null ? { file: job } : { file: resolve(dirname(job), at.file), line: at.line, column: at.column + 1 };
  return new EngineError('jobInvalid', `job ${job} does not compile:\n${shown.join('\n')}${more}`, { detail });
}

function formatMessage(job: string, { text, location }: Message): string {
  if (location === null) return `  ${text}`;
  const { line, column } = location;
  const number = String(line);
  const pointer = `${' '.repeat(number.length)} | ${location.lineText.slice(0, column).replace(/[^\t]/g, ' ')}${'^'.repeat(Math.max(1, location.length))}`;
  return `${resolve(dirname(job), location.file)}:${line}:${column + 1}: ${text}\n  ${number} | ${location.lineText}\n  ${pointer}`;
}
