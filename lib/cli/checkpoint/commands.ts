import type { Command } from 'commander';
import type { Terminal } from '../terminal.js';
import type { SetOffsetsFlags } from './changes.js';
import type { DiffFlags } from './diff.js';
import type { ExportFlags } from './export.js';
import type { RepairFlags } from './repair.js';
import type { ShowFlags } from './show.js';
import type { VerifyFlags } from './verify.js';

/** `sluice checkpoint ...`; what a command does is loaded when it runs. */
export function addCheckpointCommands(program: Command, terminal: Terminal, setExitCode: (code: number) => void): void {
  const checkpoint = program
    .command('checkpoint')
    .description('Looks into checkpoints, checks them, and changes those that no job uses.');

  checkpoint
    .command('show')
    .description('Shows what a checkpoint directory holds, and whether it is sound. Changes nothing, needs no lock.')
    .argument('<dir>', 'checkpoint directory')
    .option('--keys', 'also how many keys each operator has: goes through all state')
    .option('--json', 'as one JSON object')
    .action(async (dir: string, flags: ShowFlags) => {
      const { showCheckpoint } = await import('./show.js');
      await showCheckpoint(dir, flags, terminal);
    });

  checkpoint
    .command('verify')
    .description(
      'Reads every file, checks every checksum and reference, and says what is wrong. Exit code 1 if anything is.',
    )
    .argument('<dir>', 'checkpoint directory')
    .option(
      '--input <source=folder>',
      'also the input files of a source, in this folder; may be given several times',
      collect,
    )
    .option('--json', 'as one JSON object')
    .action(async (dir: string, flags: VerifyFlags) => {
      const { verify } = await import('./verify.js');
      setExitCode(await verify(dir, flags, terminal));
    });

  checkpoint
    .command('diff')
    .description(
      'Compares positions and state of two checkpoints, or of one at two batches. Exit code 1 if they differ.',
    )
    .argument('<a>', 'checkpoint directory')
    .argument('[b]', 'another one')
    .option('--batch <time>', 'the state after this batch; twice: of a, then of b', collect)
    .option('--limit <n>', 'keys of each operator that are listed', '20')
    .option('--json', 'as one JSON object')
    .action(async (a: string, b: string | undefined, flags: DiffFlags) => {
      const { diff } = await import('./diff.js');
      setExitCode(await diff(a, b, flags, terminal));
    });

  checkpoint
    .command('repair')
    .description(
      'Steps back to the last batch that is whole, or to an older one. Shows what that means; --yes does it.',
    )
    .argument('<dir>', 'checkpoint directory')
    .option('--to-batch <time>', 'the batch after which the state is wanted, in epoch ms or ISO 8601')
    .option('--replan', 'forget what later batches read, instead of running them again on the same input')
    .option('--yes', 'do it')
    .action(async (dir: string, flags: RepairFlags) => {
      const { repairCommand } = await import('./repair.js');
      setExitCode(await repairCommand(dir, flags, terminal));
    });

  checkpoint
    .command('export')
    .description('Takes the state out: keys and values, as JSON lines or as an Arrow IPC file.')
    .argument('<dir>', 'checkpoint directory')
    .requiredOption('--format <format>', 'json or arrow')
    .option('--operator <id>', 'the state of this operator alone')
    .option('--batch <time>', 'the state after an older batch')
    .option('--out <file>', 'into this file')
    .action(async (dir: string, flags: ExportFlags) => {
      const { exportCommand } = await import('./export.js');
      await exportCommand(dir, flags, terminal);
    });

  checkpoint
    .command('set-offsets')
    .description('Changes where a source goes on. State and outputs stay as they are.')
    .argument('<dir>', 'checkpoint directory')
    .requiredOption('--source <id>', 'the source')
    .option('--file <name=at>', 'of a file source: start, end, or the byte at which a line begins', collect)
    .option('--input <folder>', 'the folder that a file source reads; wanted for end and for a byte')
    .option('--next <row>', 'of a rate source: the number of the next row')
    .action(async (dir: string, flags: SetOffsetsFlags) => {
      const { setOffsetsCommand } = await import('./changes.js');
      await setOffsetsCommand(dir, flags, terminal);
    });

  checkpoint
    .command('drop-operator')
    .description('Removes the state of an operator.')
    .argument('<dir>', 'checkpoint directory')
    .requiredOption('--operator <id>', 'the operator')
    .action(async (dir: string, flags: { readonly operator: string }) => {
      const { dropOperatorCommand } = await import('./changes.js');
      await dropOperatorCommand(dir, flags, terminal);
    });

  checkpoint
    .command('fork')
    .description('Makes a copy that a second job may start from.')
    .argument('<dir>', 'checkpoint directory')
    .argument('<newdir>', 'directory of the copy; must not be there')
    .action(async (dir: string, target: string) => {
      const { forkCommand } = await import('./changes.js');
      await forkCommand(dir, target, terminal);
    });
}

const collect = (text: string, before: readonly string[] = []): readonly string[] => [...before, text];
