/** What a job says of the states that earlier versions of it left in a checkpoint. */
import { EngineError } from '../core/errors.js';
import type { StateUpgrade } from '../core/state-change.js';

/** Changes of columns, or of aggregates, by name. May stay in the job when they are done. */
export interface ColumnChanges {
  /** New names, with the old one of each: `{ total: 'sum' }`. Key columns too. */
  readonly renamed?: { readonly [name: string]: string };
  /** Old ones that are to go, with what they hold. */
  readonly removed?: readonly string[];
}

/** Changes of states that are kept by a schema; new columns want a value for the keys that have a state. */
export interface SchemaChanges extends ColumnChanges {
  readonly defaults?: { readonly [name: string]: number };
}

/** Changes of any other kind, by a function. */
export interface Migration<S> {
  /** An integer above 0 that grows with each change; what was kept without a version has 0. */
  readonly version: number;
  /**
   * Makes a state of this version of an old one, and is told the version of that. It is called for each key at the first
   * start, and again for some after a crash: it must depend on nothing else.
   */
  readonly migrate: (old: unknown, version: number) => S;
}

/** As the graph keeps it. */
export interface DeclaredUpgrade extends StateUpgrade {
  readonly migrate?: (old: unknown, version: number) => unknown;
}

/** Throws `jobInvalid` for what is no upgrade. @param what names the operation */
export function declaredUpgrade(given: SchemaChanges | Migration<unknown>, what: string): DeclaredUpgrade {
  const refuse = (problem: string): never => {
    throw new EngineError('jobInvalid', `upgrade of ${what} ${problem}`);
  };
  if ('version' in given || 'migrate' in given) {
    const { version, migrate } = given as Migration<unknown>;
    if (!Number.isSafeInteger(version) || version < 1)
      refuse(`wants an integer above 0 as its version, got ${version}`);
    if (typeof migrate !== 'function') refuse(`wants a function migrate, got ${typeof migrate}`);
    return { version, migrate, migrates: true };
  }
  const { renamed = {}, removed = [], defaults = {} } = given;
  const olds = Object.values(renamed);
  const both = Object.keys(renamed).find(name => olds.includes(name));
  if (both !== undefined)
    refuse(
      `has '${both}' as a new and as an old name, so that it could not be told later whether it is done: rename in two steps`,
    );
  const twice = olds.find((name, i) => olds.indexOf(name) !== i);
  if (twice !== undefined) refuse(`makes two columns of '${twice}': the second may have a default`);
  for (const [name, value] of Object.entries(defaults))
    if (typeof value !== 'number') refuse(`wants a number as the default of '${name}', got ${typeof value}`);
  return { renamed, removed, defaults };
}
