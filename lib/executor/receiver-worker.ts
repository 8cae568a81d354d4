/**
 * The entry of the thread that runs a job's receivers: loads the job as a worker does, builds the same graph, and takes
 * commands (sources/receiver/receiver-messages.ts). Being loaded as a thread is all that starts it.
 */
import { pathToFileURL } from 'node:url';
import { parentPort, workerData, type MessagePort } from 'node:worker_threads';
import { SystemClock } from '../core/clock.js';
import { EngineError, messageOf } from '../core/errors.js';
import { NodeFileSystem } from '../core/node-file-system.js';
import { buildGraph, isJob } from '../api/job.js';
import { fingerprintOf } from '../plan/fingerprint.js';
import { ReceiverHost } from '../sources/receiver/receiver-host.js';
import type { ReceiverCommand, ReceiverInit } from '../sources/receiver/receiver-messages.js';
import { receiverFactories } from './receiver-factories.js';

async function makeHost(init: ReceiverInit, port: MessagePort): Promise<ReceiverHost> {
  const module = (await import(pathToFileURL(init.jobModule).href)) as { default?: unknown };
  if (!isJob(module.default)) throw new EngineError('jobInvalid', `${init.jobModule} does not export a job`);
  const { graph, plan } = buildGraph(module.default, init.jobArgs, init.numPartitions, init.operatorIds);
  const fingerprint = fingerprintOf(plan);
  if (fingerprint !== init.fingerprint) {
    throw new EngineError(
      'planMismatch',
      `job ${plan.job} built another plan in the receivers' thread (${fingerprint}) than in the driver (${init.fingerprint}): ` +
        'its build function must declare the same streams each time, so it must not depend on the time, random numbers or what changes between threads',
    );
  }
  return new ReceiverHost({
    factories: receiverFactories(graph, plan),
    fs: new NodeFileSystem(),
    clock: new SystemClock(),
    blockIntervalMs: init.blockIntervalMs,
    queueBytes: init.queueBytes,
    post: event => port.postMessage(event),
  });
}

async function serve(port: MessagePort): Promise<void> {
  process.setSourceMapsEnabled(true);
  try {
    const host = await makeHost(workerData as ReceiverInit, port);
    port.on('message', (command: ReceiverCommand) => host.handle(command));
    port.postMessage({ kind: 'ready' });
  } catch (error) {
    const code = error instanceof EngineError ? error.code : 'jobInvalid';
    port.postMessage({ kind: 'refused', code, message: messageOf(error) });
  }
}

if (parentPort !== null) await serve(parentPort);
