/**
 * The entry of a worker thread: piscina loads this file in the thread and calls `handleRequest` once a request, the
 * next after the answer. `workerData` is the slot's WorkerInit.
 */
import { workerData } from 'node:worker_threads';
import type { WorkerInit } from '../protocol/messages.js';
import { serve } from './serve.js';
import { createWorkerHandler } from './worker-handler.js';

export const handleRequest = serve(() => createWorkerHandler(workerData as WorkerInit));
