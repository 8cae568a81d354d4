/** Looking into a checkpoint without running its job, for those who may import only the driver. */
export { formatCheckpoint } from '../checkpoint/format-checkpoint.js';
export { readCheckpoint } from '../checkpoint/read-checkpoint.js';
