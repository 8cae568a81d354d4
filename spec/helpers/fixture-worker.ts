/**
 * A worker for the runner's specs, bundled by `runner-fixture.ts`: does what the command in a task's range says.
 * `handleRequest` is what piscina calls in the thread.
 */
import { spawnSync } from 'node:child_process';
import { pathToFileURL } from 'node:url';
import { workerData } from 'node:worker_threads';
import type { WorkerHandler } from '../../lib/executor/serve.js';
import { serve } from '../../lib/executor/serve.js';
import type { TaskResult, WorkerInit, WorkerReply, WorkerRequest } from '../../lib/protocol/messages.js';

export type Command =
  | { readonly do: 'echo'; readonly value: number }
  /** The same after a turn of the event loop; answers how many requests were under way at once. */
  | { readonly do: 'overlap' }
  /** How many requests this thread was given. */
  | { readonly do: 'count' }
  /** Which slot it belongs to. */
  | { readonly do: 'slot' }
  /** Whether it was loaded before it had a slot: 1 or 0. */
  | { readonly do: 'warmed' }
  | { readonly do: 'write'; readonly address: number; readonly value: number }
  | { readonly do: 'busy'; readonly ms: number }
  | { readonly do: 'print'; readonly text: string }
  /** Imports a compiled job and calls its `run`. */
  | { readonly do: 'runJob'; readonly module: string }
  /** Sits in one system call, out of reach of whoever ends the thread, and leaves a file after it. */
  | { readonly do: 'syscall'; readonly seconds: number; readonly thenTouch: string }
  | {
      readonly do:
        | 'throw'
        | 'exit'
        | 'uncaught'
        | 'uncaughtNull'
        | 'rejection'
        | 'outOfMemory'
        | 'loop'
        | 'never'
        | 'functionReply'
        | 'echoThenExit';
    };

const init = workerData as WorkerInit;
let numRequests = 0;
let underWay = 0;
let most = 0;
let { slot } = init;
let warmed = 0;

const replyWith = (runMs: number): WorkerReply => ({
  ok: true,
  kind: 'task',
  result: { runMs } as unknown as TaskResult,
});
const never = (): Promise<WorkerReply> => new Promise(() => undefined);

async function run(command: Command): Promise<WorkerReply> {
  switch (command.do) {
    case 'echo':
      return replyWith(command.value);
    case 'overlap':
      most = Math.max(most, ++underWay);
      await new Promise(resolve => setImmediate(resolve));
      underWay--;
      return replyWith(most);
    case 'count':
      return replyWith(numRequests);
    case 'slot':
      return replyWith(slot);
    case 'warmed':
      return replyWith(warmed);
    case 'write':
      new Int32Array(init.memories[init.slot].buffer)[command.address / 4] = command.value;
      return replyWith(0);
    case 'busy':
      for (const end = performance.now() + command.ms; performance.now() < end;) continue;
      return replyWith(0);
    case 'print':
      console.log(command.text);
      return replyWith(0);
    case 'syscall':
      spawnSync('sh', ['-c', 'sleep "$0"; touch "$1"', String(command.seconds), command.thenTouch]);
      return replyWith(0);
    case 'runJob': {
      const job = (await import(pathToFileURL(command.module).href)) as { readonly run: (row: object) => number };
      return replyWith(job.run({ n: 7 }));
    }
    case 'throw':
      throw new TypeError('no such field');
    case 'exit':
      return process.exit(3);
    case 'uncaught':
      setImmediate(() => {
        throw new RangeError('from a timer');
      });
      return never();
    case 'uncaughtNull':
      setImmediate(() => {
        throw null;
      });
      return never();
    case 'rejection':
      void Promise.reject(new Error('nobody listens'));
      return never();
    case 'outOfMemory': {
      const kept: number[][] = [];
      for (;;) kept.push(Array.from({ length: 10_000 }, Math.random));
    }
    case 'loop':
      for (;;) numRequests += 0;
    case 'never':
      return never();
    case 'functionReply':
      return { ok: true, kind: 'task', result: { runMs: () => 1 } as unknown as TaskResult };
    case 'echoThenExit':
      setImmediate(() => setImmediate(() => process.exit(4)));
      return replyWith(1);
  }
}

function makeHandler(taken = slot): WorkerHandler {
  slot = taken;
  if (init.fingerprint === 'broken') throw new Error('the job does not build');
  return (request: WorkerRequest) => {
    numRequests++;
    return request.kind === 'task' ? run(request.range as unknown as Command) : { ok: true, kind: 'done' };
  };
}

export const handleRequest = serve(makeHandler, async () => {
  if (init.fingerprint === 'deadly') process.exit(5);
  warmed = 1;
});
