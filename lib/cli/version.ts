import { existsSync, readFileSync } from 'node:fs';

/** The package file lies above dist/ and above lib/; a bundled chunk is one folder deep, as the sources are. */
const PACKAGE_FILES = ['../package.json', '../../package.json'];

/** The version in Sluice's package.json. */
export function readVersion(): string {
  const file = PACKAGE_FILES.map(path => new URL(path, import.meta.url)).find(url => existsSync(url));
  if (file === undefined) return 'unknown';
  const { version } = JSON.parse(readFileSync(file, 'utf8')) as { version: string };
  return version;
}
