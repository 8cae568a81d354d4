/**
 * The command line: argument text in, exit code out. What a command needs beyond commander is imported when the
 * command runs, so that `sluice run` commits its first batch soon.
 */
import { resolve } from 'node:path';
import { Command, CommanderError } from 'commander';
import { EngineError } from '../core/errors.js';
import { addCheckpointCommands } from './checkpoint/commands.js';
import { addDeadLetterCommands } from './deadletter/commands.js';
import type { ExplainFlags } from './explain-command.js';
import { argsHelp, optionsHelp } from './job-help.js';
import { reportError } from './report-error.js';
import { runCommand, type Engine, type RunFlags } from './run-command.js';
import type { Terminal } from './terminal.js';
import { readVersion } from './version.js';
import { visibleLine, visibleText } from '../core/visible.js';

const USAGE_EXIT_CODE = 2;

const loadEngine = (): Promise<Engine> => import('../driver/run-job.js');

/**
 * Runs one command.
 *
 * @param argv arguments without the program's own name
 * @returns 0 = fine, 1 = the job failed, 2 = something the caller can cure. Never rejects: errors are told on the terminal.
 */
export async function main(argv: readonly string[], terminal: Terminal, engine = loadEngine): Promise<number> {
  try {
    let exitCode = 0;
    const program = makeProgram(terminal, engine, code => {
      exitCode = code;
    });
    await program.parseAsync(argv, { from: 'user' });
    return exitCode;
  } catch (thrown) {
    if (thrown instanceof CommanderError) return thrown.exitCode === 0 ? 0 : USAGE_EXIT_CODE;
    return reportError(thrown, terminal);
  }
}

function makeProgram(terminal: Terminal, engine: () => Promise<Engine>, setExitCode: (code: number) => void): Command {
  const program = new Command('sluice')
    .description('Micro-batch stream processing: runs jobs, shows their plans and what their checkpoints hold.')
    .exitOverride()
    .configureOutput({ writeOut: text => terminal.out(text), writeErr: text => terminal.err(visibleText(text)) })
    .option('-V, --version', 'the version of Sluice')
    .on('option:version', () => {
      terminal.out(`${readVersion()}\n`);
      throw new CommanderError(0, 'commander.version', 'the version was asked for');
    });

  const run = program
    .command('run')
    .summary('run a job until it is stopped, or once over what there is')
    .description('Runs the job that a .ts or .js file exports. A job goes on where its checkpoint says it was.')
    .argument('[job]', 'path of the job file')
    .option('--interval <duration>', 'batch interval, such as 500ms or 2s')
    .option('--workers <n>', 'number of worker threads')
    .option('--checkpoint <dir>', "checkpoint directory, or 'none' (default: .sluice/<job>/checkpoint)")
    .option('--arg <name=value>', "one of the job's own arguments; may be given several times", collect)
    .option('--option <name=value>', 'an engine option; may be given several times', collect)
    .option('--once', 'process what is there now, commit it, and end')
    .option('--quiet', 'only what the job prints, problems, and one closing line')
    .option('--json', 'every event of the run as one JSON object a line')
    .helpOption(false)
    .option('-h, --help', "this help, with the job's own arguments when a job is named")
    .action(async (job: string | undefined, flags: RunFlags & { readonly help?: boolean }) => {
      if (flags.help) return await showRunHelp(run, job, terminal, engine);
      if (job === undefined) {
        throw new EngineError(
          'optionInvalid',
          'sluice run wants the path of a job file, such as: sluice run jobs/word-count.ts',
        );
      }
      setExitCode(await runCommand(job, flags, terminal, await engine()));
    });

  program
    .command('explain')
    .summary("show a job's plan, without running it")
    .description(
      'Shows what a job asks for and what a batch of it runs: stages, what is one pass, which columns are decoded.',
    )
    .argument('<job>', 'path of the job file')
    .option('--workers <n>', 'number of worker threads')
    .option('--arg <name=value>', "one of the job's own arguments; may be given several times", collect)
    .action(async (job: string, flags: ExplainFlags) => {
      const { explainCommand } = await import('./explain-command.js');
      await explainCommand(job, flags, terminal, await engine());
    });

  addCheckpointCommands(program, terminal, setExitCode);
  addDeadLetterCommands(program, terminal);
  return program;
}

const collect = (text: string, before: readonly string[] = []): readonly string[] => [...before, text];

async function showRunHelp(
  run: Command,
  job: string | undefined,
  terminal: Terminal,
  engine: () => Promise<Engine>,
): Promise<void> {
  terminal.out(`${run.helpInformation()}\n${optionsHelp()}`);
  if (job === undefined) return;
  const { openJob } = await engine();
  const { name, args } = await openJob(resolve(terminal.cwd, job));
  terminal.out(`\n${argsHelp(visibleLine(name), args)}`);
}
