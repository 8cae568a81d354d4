import { buildGraph } from '../api/job.js';
import type { EngineSettings } from './engine-settings.js';
import { jobError } from './job-module.js';

/** Builds the job's graph; what the build function throws is told with its place. */
export function buildJob({ job, args }: EngineSettings, numPartitions: number): ReturnType<typeof buildGraph> {
  try {
    return buildGraph(job, args, numPartitions);
  } catch (error) {
    throw jobError(`the build function of job '${job.name}' threw`, {}, error);
  }
}
