/**
 * parquet-wasm, an optional package of 15 MB that jobs with Parquet files install. Loading it takes some 300 ms, so a thread
 * does it when it reads the first one.
 */
import { createRequire } from 'node:module';
import { EngineError } from '../core/errors.js';

export type Parquet = typeof import('parquet-wasm');

let loaded: Parquet | undefined;

/** Throws `jobInvalid` where the package is not installed. */
export function requireParquet(): void {
  try {
    createRequire(import.meta.url).resolve('parquet-wasm');
  } catch {
    throw new EngineError(
      'jobInvalid',
      "parquet(schema) wants the package parquet-wasm, which is not installed: run 'npm install parquet-wasm@0.8'",
    );
  }
}

export async function loadParquet(): Promise<Parquet> {
  if (loaded !== undefined) return loaded;
  requireParquet();
  return (loaded = await import('parquet-wasm'));
}
