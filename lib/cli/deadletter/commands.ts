import type { Command } from 'commander';
import type { Terminal } from '../terminal.js';
import type { ListFlags } from './list.js';
import type { ReplayFlags } from './replay.js';

/** `sluice deadletter ...`; what a command does is loaded when it runs. */
export function addDeadLetterCommands(program: Command, terminal: Terminal): void {
  const deadLetter = program
    .command('deadletter')
    .description('Looks at records that could not be read, and puts them back in.');

  selecting(deadLetter.command('list'))
    .description('Lists the dead letters of a job, with what was wrong with each. Changes nothing, needs no lock.')
    .option('--limit <n>', 'so many of them', '50')
    .option('--json', 'one JSON object a line, all of them: what replay --edit takes back')
    .action(async (dir: string, flags: ListFlags) => {
      const { list } = await import('./list.js');
      await list(dir, flags, terminal);
    });

  selecting(deadLetter.command('replay'))
    .description("Puts dead letters back in, each once: as a new file in the folder that the job's source reads.")
    .requiredOption('--into <folder>', 'the folder that their source reads')
    .option('--edit <file>', 'only these, corrected: lines of list --json with another text')
    .option('--map <module>', 'corrected by the default export of a module: record => text, or null to leave it')
    .option('--header <line>', 'of CSV: the first line of the new file')
    .option('--no-header', 'of CSV: none')
    .action(async (dir: string, flags: ReplayFlags) => {
      const { replay } = await import('./replay.js');
      await replay(dir, flags, terminal);
    });
}

const selecting = (command: Command): Command =>
  command
    .argument('<dir>', 'checkpoint directory of the job')
    .option('--reason <text>', 'only those whose reason has this in it')
    .option('--source <id>', 'only those of this source')
    .option('--file <path>', 'only those from this file')
    .option('--id <id>', 'only this one; may be given several times', collect);

const collect = (text: string, before: readonly string[] = []): readonly string[] => [...before, text];
