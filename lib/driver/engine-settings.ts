import type { Clock } from '../core/clock.js';
import type { FileSystem } from '../core/file-system.js';
import type { Json } from '../core/json.js';
import type { EngineOptions } from '../core/options.js';
import type { Job } from '../api/job.js';
import type { CheckpointOptions } from '../checkpoint/checkpoint-store.js';
import type { RunRecord } from '../checkpoint/run-record.js';
import type { WorkerInit } from '../protocol/messages.js';
import type { TaskRunner } from '../protocol/task-runner.js';
import type { InputFiles } from '../sources/input-files.js';
import type { StartReceivers } from '../sources/receiver/receiver-messages.js';

/** What is run. */
export interface EngineSettings {
  readonly job: Job;
  /** Compiled job module, for workers in threads. */
  readonly module: string;
  readonly args: { readonly [name: string]: Json };
  readonly options: EngineOptions;
  /** Absolute path of the checkpoint directory; undefined = nothing survives the process. */
  readonly checkpoint: string | undefined;
  /** Absolute path of the folder for records that cannot be read; undefined = they are only counted. */
  readonly deadLetters: string | undefined;
  /** How the run was started, for the checkpoint. */
  readonly run?: RunRecord;
  /** Process all there is, then stop. */
  readonly once: boolean;
}

/** What it runs on: the machine, or a spec's stand-ins. */
export interface EngineWorld {
  readonly clock: Clock;
  readonly fs: FileSystem;
  /** Where input files are, with times of `clock`; default: the disk. */
  readonly inputFiles?: InputFiles;
  /** Starts the executor slots. `warn` takes what happens to one that no reply tells. */
  readonly makeRunner: (
    makeInit: (slot: number, memories: readonly WebAssembly.Memory[]) => WorkerInit,
    warn: (message: string) => void,
  ) => TaskRunner;
  /** Bytes of each further memory for state, and of state in a slot's own; default: all that can be had, three quarters. */
  readonly stateMemory?: { readonly memoryBytes: number; readonly homeBytes: number };
  /** Starts the thread in which the job's receivers run; default: they run in this one. */
  readonly startReceivers?: StartReceivers;
  /** Who holds the checkpoint's lock, and whether another holder is alive; default: this process, the system's word. */
  readonly owner?: CheckpointOptions['owner'];
  readonly isAlive?: CheckpointOptions['isAlive'];
}

/** What the slowest disk that is worth running on reads and writes a second, bytes. */
const SLOW_DISK_BYTES_PER_S = 16 * 1024 ** 2;

/** How long a worker may take to write or load one partition of the state: all of its memory on a slow disk, and a task's time. */
export const stateTimeoutMs = ({ taskTimeoutMs, slotMemoryBytes }: EngineOptions): number =>
  taskTimeoutMs + slowDiskMs(slotMemoryBytes);

/** How long a disk that is worth running on takes for so many bytes. */
export const slowDiskMs = (bytes: number): number => Math.ceil((bytes / SLOW_DISK_BYTES_PER_S) * 1000);
