/** Tools for checkpoints and dead letters, which run no job, for those who may import only the driver. */
export type { RepairRequest } from '../checkpoint/tools/plan-repair.js';
export type { Finding } from '../checkpoint/tools/verify-files.js';
export type { ToolWorld } from '../checkpoint/tools/change-checkpoint.js';
export { refuseIfInUse } from '../checkpoint/lock.js';
export { dropOperator } from '../checkpoint/tools/checkpoint-changes.js';
export { forkCheckpoint } from '../checkpoint/tools/fork-checkpoint.js';
export { loadMap, readEdits, unchanged, type Correct } from './tools/corrections.js';
export { readDeadLetters, type DeadLetter } from './tools/dead-letters.js';
export { describeCheckpoint, formatDescription } from './tools/describe-checkpoint.js';
export { diffStates, isSameOperator, type StateDifference } from './tools/diff-states.js';
export { exportArrow, exportJson, operatorsOf } from './tools/export-state.js';
export { loadState } from './tools/loaded-state.js';
export { repair, repairOutlook, type RepairOutlook } from './tools/repair.js';
export { replayDeadLetters, type Replayed } from './tools/replay-dead-letters.js';
export { setOffsets, type NewOffsets } from './tools/set-offsets.js';
export { positionText } from './tools/source-positions.js';
export { verifyCheckpoint } from './tools/verify-checkpoint.js';
