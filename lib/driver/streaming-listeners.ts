import type { StreamingListener } from '../core/streaming-listener.js';
import { ListenerBus } from '../metrics/listener-bus.js';
import type { RunListener } from '../metrics/run-events.js';

export { StatsReportListener } from '../metrics/stats-report-listener.js';

/** Has the listeners of a job's build function hear what the run tells, besides whom it tells anyway. */
export function withStreamingListeners(tell: RunListener, listeners: readonly StreamingListener[]): RunListener {
  if (listeners.length === 0) return tell;
  const bus = new ListenerBus(message => tell({ kind: 'warning', message }));
  for (const listener of listeners) bus.add(listener);
  return event => {
    tell(event);
    bus.post(event);
    // A process may end right after the last event.
    if (event.kind === 'stopped') bus.flush();
  };
}
