/** What a running job tells, for those who may import only the driver. */
export type * from '../metrics/run-events.js';
