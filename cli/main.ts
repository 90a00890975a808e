/** The program behind the dispatcher: parse, run one command, say what failed, leave with its exit code. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { resolveAddress, type EngineAddress } from './address.ts';
import { createContext } from './context.ts';
import { describeFailure } from './errors.ts';
import { ansiModes, progressStyles, type GlobalRequest } from './options.ts';
import { parseCommandLine, type Invocation } from './program.ts';
import { watchInterrupts } from './signals.ts';
import { CliError } from './cli-error.ts';
import { createUi, type Ui } from './ui/ui.ts';

export async function main(argv: readonly string[]): Promise<void> {
  for (const stream of [process.stdout, process.stderr]) stream.on('error', onOutputError);
  let ui = createUiFor({});
  try {
    const invocation = parseCommandLine(argv);
    if (invocation.kind === 'text') {
      process.stdout.write(invocation.text);
      return;
    }
    ui = createUiFor(invocation.global);
    process.exitCode = await runCommand(invocation, ui);
  } catch (error) {
    const { text, message, exitCode } = await describeFailure(error, ui.stderrStyle);
    const isJson = ui.progressStyle === 'json';
    if (message !== '') {
      await ui.stderr.write(isJson ? `${JSON.stringify({ error: true, message })}\n` : text);
    }
    process.exitCode = exitCode;
  }
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
    address: () => addressOf(global),
  });
  return (await command.run(request, context)) ?? 0;
}

function addressOf({ host }: GlobalRequest): EngineAddress {
  return resolveAddress({ host, env: process.env, home: homedir(), readFile, sha256 });
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

function readFile(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    // Whatever hinders us from reading another program's configuration, it selects nothing then.
    return null;
  }
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
