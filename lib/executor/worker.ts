/**
 * The entry of a worker thread: piscina loads this file in the thread and calls `handleRequest` once a request, the
 * next after the answer. `workerData` is the slot's WorkerInit.
 */
import { workerData } from 'node:worker_threads';
import type { WorkerInit } from '../protocol/messages.js';
import { serve } from './serve.js';
import { createWorkerHandler, warmUp } from './worker-handler.js';

const init = workerData as WorkerInit;

export const handleRequest = serve(
  (slot = init.slot) => createWorkerHandler({ ...init, slot }),
  () => warmUp(init),
);
