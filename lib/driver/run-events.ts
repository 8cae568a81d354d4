/** What a running job tells, for those who may import only the driver. */
export { STEP_EVENTS } from '../metrics/run-events.js';
export type * from '../metrics/run-events.js';
