import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { EngineError, type ErrorCode } from '../core/errors.js';
import { describeThrown, firstUserFrame, formatFrame, stackOf } from '../executor/failure-of.js';
import type {
  ReceiverEvent,
  ReceiverInit,
  ReceiverPort,
  ReceiverPortListener,
} from '../sources/receiver/receiver-messages.js';

/** What the thread says before its first event. */
type Hello =
  { readonly kind: 'ready' } | { readonly kind: 'refused'; readonly code: ErrorCode; readonly message: string };

/**
 * Starts the one thread in which all receivers of the job run: off the driver's event loop, so that neither waits for
 * the other. It is not a slot of the pool, because a receiver holds sockets and timers for as long as the run lasts.
 */
export function startReceiverThread(init: ReceiverInit, listener: ReceiverPortListener): Promise<ReceiverPort> {
  const worker = new Worker(workerFile(), { workerData: init });
  let state: 'starting' | 'running' | 'closing' = 'starting';
  let uncaught: string | undefined;
  const exited = new Promise<void>(resolve => worker.once('exit', () => resolve()));
  worker.on('error', error => {
    const place = formatFrame(firstUserFrame(stackOf(error)));
    uncaught ??= `uncaught: ${describeThrown(error)}${place === '' ? '' : ` at ${place}`}`;
  });
  const port: ReceiverPort = {
    send: command => worker.postMessage(command, []),
    close: async () => {
      state = 'closing';
      await worker.terminate();
      await exited;
    },
  };
  return new Promise((resolve, reject) => {
    worker.on('message', (message: Hello | ReceiverEvent) => {
      if (message.kind === 'ready') {
        state = 'running';
        resolve(port);
      } else if (message.kind === 'refused') {
        const refused = new EngineError(message.code, message.message);
        void port.close().then(() => reject(refused));
      } else if (state === 'running') {
        listener.event(message);
      }
    });
    worker.once('exit', code => {
      const reason = uncaught ?? `it exited with code ${code}`;
      if (state === 'running') listener.lost(reason);
      if (state === 'starting') reject(new EngineError('internal', `the receivers' thread cannot start: ${reason}`));
    });
  });
}

/** The thread's entry, beside this file in the sources or in dist/. */
function workerFile(): string {
  const candidates = ['../executor/receiver-worker.js', '../executor/receiver-worker.ts'];
  const paths = candidates.map(name => fileURLToPath(new URL(name, import.meta.url)));
  const found = paths.find(path => existsSync(path));
  if (found === undefined) throw new EngineError('internal', `none of ${paths.join(', ')} exists: run 'npm run build'`);
  return found;
}
