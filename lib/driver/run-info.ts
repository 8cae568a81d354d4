import { assertNever } from '../core/assert-never.js';
import { placeOf } from '../core/file-sink-spec.js';
import type { SourceSpec } from '../core/source-spec.js';
import type { RunInfo } from '../metrics/run-events.js';
import type { OutputNode, Plan } from '../plan/node.js';
import type { EngineSettings } from './engine-settings.js';

/** What a run tells its listeners about itself before the first batch. */
export function runInfo(settings: EngineSettings, plan: Plan, startedMs: number): RunInfo {
  const { options, checkpoint, deadLetters } = settings;
  return {
    job: plan.job,
    startedMs,
    intervalMs: options.intervalMs,
    workers: options.workers,
    checkpoint,
    deadLetters,
    sources: plan.nodes.flatMap(({ operation }) =>
      operation.kind === 'source' ? [{ id: operation.sourceId, description: describeSource(operation.spec) }] : [],
    ),
    outputs: plan.outputs.map(output => ({
      id: output.id,
      label: output.label,
      description: describeOutput(output),
      path: pathOf(output),
    })),
  };
}

function describeSource(spec: SourceSpec): string {
  switch (spec.kind) {
    case 'file':
      return `${spec.path} (${spec.format.kind})`;
    case 'queue':
      return 'a queue';
    case 'rate':
      return `${spec.rowsPerSecond} generated rows a second`;
    case 'receiver':
      return `${spec.from} (${spec.receiver})`;
    default:
      return assertNever(spec);
  }
}

const FORMATS = {
  csv: 'csv',
  ndjson: 'ndjson',
  text: 'text',
  arrow: 'arrow',
  textFolders: 'text, a folder for each batch',
} as const;

const describeOutput = ({ operation }: OutputNode): string =>
  operation.kind === 'file' ? `${placeOf(operation.spec)} (${FORMATS[operation.spec.format]})` : operation.kind;

const pathOf = ({ operation }: OutputNode): string | undefined =>
  operation.kind === 'file' ? placeOf(operation.spec) : undefined;
