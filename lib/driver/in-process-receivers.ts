import type { Clock } from '../core/clock.js';
import type { FileSystem } from '../core/file-system.js';
import { ReceiverHost, type ReceiverFactory } from '../sources/receiver/receiver-host.js';
import type { StartReceivers } from '../sources/receiver/receiver-messages.js';

/**
 * Runs the receivers in the driver's own thread, for specs and for jobs that run without threads. Commands and events
 * are copied as between threads; they arrive in order, each in a turn of its own.
 */
export function inProcessReceivers(
  factories: ReadonlyMap<string, ReceiverFactory>,
  fs: FileSystem,
  clock: Clock,
): StartReceivers {
  return (init, listener) => {
    let isOpen = true;
    const host = new ReceiverHost({
      factories,
      fs,
      clock,
      blockIntervalMs: init.blockIntervalMs,
      queueBytes: init.queueBytes,
      post: event => {
        const copy = structuredClone(event);
        queueMicrotask(() => isOpen && listener.event(copy));
      },
    });
    return Promise.resolve({
      send: command => {
        const copy = structuredClone(command);
        queueMicrotask(() => isOpen && host.handle(copy));
      },
      close: async () => {
        isOpen = false;
        await host.close();
      },
    });
  };
}
