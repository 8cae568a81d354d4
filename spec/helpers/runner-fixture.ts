import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import type { Json } from '../../lib/core/json.js';
import type { TaskRequest, WorkerInit, WorkerReply } from '../../lib/protocol/messages.js';
import type { Command } from './fixture-worker.js';

export const ATTACH = { kind: 'attach', blocks: [], tables: [] } as const;

/** A task that tells the fixture worker what to do. */
export function command(what: Command): TaskRequest {
  return {
    kind: 'task',
    stage: 0,
    partition: 0,
    attempt: 0,
    time: 0,
    previousTime: -1,
    plan: null,
    broadcasts: [],
    range: what as unknown as Json,
    inputs: [],
  };
}

export function makeInit(slot: number, memories: readonly WebAssembly.Memory[], fingerprint = 'f'): WorkerInit {
  return {
    slot,
    memories,
    limitBytes: 1 << 20,
    jobModule: '',
    jobArgs: {},
    fingerprint,
    captured: [],
    numPartitions: 1,
    numKeyGroups: 1,
  };
}

/** What a reply says, short: `done`, the number a fixture task answered, or the failure's kind. */
export function said(reply: WorkerReply): string | number {
  if (!reply.ok) return reply.failure.kind;
  return reply.kind === 'task' ? reply.result.runMs : reply.kind;
}

export interface FixtureWorker {
  /** A temporary folder. */
  readonly folder: string;
  /** The fixture worker as one plain JavaScript file: a thread of it starts without tsx. */
  readonly workerFile: string;
  /** A worker file that throws while it is loaded. */
  readonly brokenFile: string;
  readonly remove: () => void;
}

export async function buildFixtureWorker(): Promise<FixtureWorker> {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-runner-'));
  const workerFile = join(folder, 'fixture-worker.mjs');
  const entry = fileURLToPath(new URL('./fixture-worker.ts', import.meta.url));
  await build({
    entryPoints: [entry],
    outfile: workerFile,
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    sourcemap: 'inline',
  });
  const brokenFile = join(folder, 'broken.mjs');
  writeFileSync(brokenFile, "throw new Error('cannot be loaded');\n");
  return { folder, workerFile, brokenFile, remove: () => rmSync(folder, { recursive: true }) };
}
