/** The program behind the dispatcher: parse, run one command, say what failed, leave with its exit code. */
import { createContext } from './context.ts';
import { addressOnThisMachine } from './docker-files.ts';
import { describeFailure, type Failure, failureJson } from './errors.ts';
import { ansiModes, progressStyles, type GlobalRequest } from './options.ts';
import { parseCommandLine, type Invocation } from './program.ts';
import { watchInterrupts } from './signals.ts';
import { CliError } from './cli-error.ts';
import { createUi, type Ui } from './ui/ui.ts';

/** For cli/cache.mjs, which loads bundles as the dispatcher does. */
export { loadScript } from './load-script.ts';

export async function main(argv: readonly string[]): Promise<void> {
  for (const stream of [process.stdout, process.stderr]) stream.on('error', onOutputError);
  let ui = createUiFor({});
  let wantsJson = false;
  try {
    const invocation = parseCommandLine(argv);
    if (invocation.kind === 'text') {
      process.stdout.write(invocation.text);
      return;
    }
    ui = createUiFor(invocation.global);
    wantsJson = 'format' in invocation.request && invocation.request.format === 'json';
    process.exitCode = await runCommand(invocation, ui);
  } catch (error) {
    const failure = await describeFailure(error, ui.stderrStyle);
    if (failure.message !== '') {
      await ui.stderr.write(wantsJson ? await failureJson(error, failure) : textOf(failure, ui));
    }
    process.exitCode = failure.exitCode;
  }
}

function textOf({ text, message }: Failure, ui: Ui): string {
  return ui.progressStyle === 'json' ? `${JSON.stringify({ error: true, message })}\n` : text;
}

async function runCommand(
  { command, request, global }: Extract<Invocation, { kind: 'run' }>,
  ui: Ui,
): Promise<number> {
  using interrupts = watchInterrupts(process, () => process.exit(130));
  await using context = createContext({
    global,
    env: process.env,
    workingDirectory: process.cwd(),
    ui,
    interrupts,
    address: () => addressOnThisMachine(global.host),
  });
  return (await command.run(request, context)) ?? 0;
}

function createUiFor({ progress, ansi }: GlobalRequest): Ui {
  const { env } = process;
  return createUi({
    progress: progress ?? fromVariable('COMPOSE_PROGRESS', progressStyles) ?? 'auto',
    ansi: ansi ?? fromVariable('COMPOSE_ANSI', ansiModes) ?? 'auto',
    env,
    stdout: process.stdout,
    stderr: process.stderr,
  });
}

function fromVariable<Value extends string>(
  name: string,
  choices: readonly Value[],
): Value | undefined {
  const text = process.env[name];
  if (text === undefined || text === '') return undefined;
  const value = choices.find((choice) => choice === text);
  if (value === undefined) {
    throw new CliError(`${name} is "${text}"`, { hint: `allowed are ${choices.join(', ')}` });
  }
  return value;
}

/** `tscompose logs | head`: whoever closes the pipe has seen enough. 141 is what SIGPIPE would have made of us. */
function onOutputError(error: NodeJS.ErrnoException): void {
  if (error.code === 'EPIPE') process.exit(141);
  throw error;
}
