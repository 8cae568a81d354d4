/**
 * One loop for a chain of closures: each row goes through all of them before the next begins, so no list of rows is made
 * between two of them, and a pair that only carries a key and a value to the shuffle is never made at all, because the
 * compiler sees both ends of it.
 *
 * The loop is made of text, for each chain its own: code that several chains share knows their closures as "any function"
 * and calls each through a pointer. Neither data nor names are in the text: it knows the closures as f0, f1 ..., and the
 * rest as what is passed to it. `flatMap, map` into pairs:
 *
 *     for (let i = 0; i < rows.length; i++) {
 *       at = 0; for (const r1 of f0(rows[i])) {
 *         at = 1; const r2 = f1(r1);
 *         keys[n] = r2[0]; values[n] = r2[1]; if (++n === limit) { at = 2; host.take(n); n = 0; }
 *       at = 0; }
 *     }
 */

export type StepKind = 'map' | 'filter' | 'flatMap' | 'mapValues' | 'flatMapValues';
export type RowFunction = (...args: unknown[]) => unknown;

/** What a loop is given. Steps count from 0; what comes after the last closure is the step after the last. */
export interface ChainHost {
  /** Whether a row stays, for an answer of a condition that is neither true nor false. */
  isKept(step: number, answer: unknown): boolean;
  /** Throws: the row is no pair. */
  refuse(step: number, row: unknown): never;
  /** Something threw in this step. */
  failed(step: number): void;
  /** Where keys and values of pairs go, of which `take` takes the first n. */
  readonly keys: unknown[];
  readonly values: unknown[];
  take(n: number): void;
  /** Takes rows; the list is theirs. */
  emit(rows: unknown[]): void;
}

export type RunChain = (rows: readonly unknown[], host: ChainHost) => void;

/** Rows or pairs that are passed on together. */
const LIMIT = 4096;

interface Made {
  readonly kinds: string;
  readonly functions: readonly RowFunction[];
  readonly run: RunChain;
}

let numMade = 0;
/** By the first closure: as long as the job lives, so does the code that was made, and warmed up, for its chains. */
const made = new WeakMap<RowFunction, Made[]>();

/** The loop of a chain of at least one closure, made when first asked for. */
export function chainOf(
  kinds: readonly StepKind[],
  functions: readonly RowFunction[],
  end: 'rows' | 'pairs',
): RunChain {
  const [first] = functions;
  const name = [...kinds, end].join();
  const all = made.get(first) ?? [];
  const known = all.find(
    chain =>
      chain.kinds === name &&
      chain.functions.length === functions.length &&
      chain.functions.every((f, i) => f === functions[i]),
  );
  if (known !== undefined) return known.run;
  const run = generate(kinds, functions, end);
  made.set(first, [...all, { kinds: name, functions, run }]);
  return run;
}

function generate(kinds: readonly StepKind[], functions: readonly RowFunction[], end: 'rows' | 'pairs'): RunChain {
  const last = kinds.length;
  const [begin, take, flush] = end === 'pairs' ? pairsEnd(last) : rowsEnd(last);
  const text = `'use strict';
return function chain(rows, host) {
  let at = 0;
  ${begin}
  try {
    for (let i = 0; i < rows.length; i++) {
      const r0 = rows[i];
      ${kinds.reduceRight((inner, kind, step) => stepText(kind, step, inner), take)}
    }
    at = ${last};
    ${flush}
  } catch (error) {
    host.failed(at);
    throw error;
  }
};
//# sourceURL=sluice-chain-${numMade++}`;
  const names = kinds.map((_, step) => `f${step}`);
  return new Function(...names, text)(...functions) as RunChain;
}

/** Row r(i) becomes r(i + 1), for which `inner` is run. */
function stepText(kind: StepKind, i: number, inner: string): string {
  const pair = `if (!Array.isArray(r${i}) || r${i}.length !== 2) host.refuse(${i}, r${i}); const k${i} = r${i}[0];`;
  switch (kind) {
    case 'map':
      return `at = ${i}; const r${i + 1} = f${i}(r${i}); ${inner}`;
    case 'filter':
      return `at = ${i}; const a${i} = f${i}(r${i});
        if (a${i} === true || (a${i} !== false && host.isKept(${i}, a${i}))) { const r${i + 1} = r${i}; ${inner} }`;
    case 'flatMap':
      return `at = ${i}; for (const r${i + 1} of f${i}(r${i})) { ${inner} at = ${i}; }`;
    case 'mapValues':
      return `at = ${i}; ${pair} const r${i + 1} = [k${i}, f${i}(r${i}[1])]; ${inner}`;
    case 'flatMapValues':
      return `at = ${i}; ${pair}
        for (const v${i} of f${i}(r${i}[1])) { const r${i + 1} = [k${i}, v${i}]; ${inner} at = ${i}; }`;
  }
}

type End = readonly [begin: string, take: string, flush: string];

const pairsEnd = (r: number): End => [
  'const { keys, values } = host; let n = 0;',
  `if (!Array.isArray(r${r}) || r${r}.length !== 2) host.refuse(${r}, r${r});
   keys[n] = r${r}[0]; values[n] = r${r}[1];
   if (++n === ${LIMIT}) { at = ${r}; host.take(n); n = 0; }`,
  'if (n > 0) host.take(n);',
];

const rowsEnd = (r: number): End => [
  'let out = [];',
  `if (out.push(r${r}) === ${LIMIT}) { at = ${r}; const full = out; out = []; host.emit(full); }`,
  'if (out.length > 0) host.emit(out);',
];
