/**
 * The shim as an OCI runtime: the command line of runc and crun over engine/runtime, for podman, for suites of others
 * and for whoever has a bundle. Belongs here: that command line, its records, hooks of the runtime's namespaces. Does
 * not belong here: what a bundle means (engine/runtime/oci*.ts), and anything of the engine.
 */
import { EngineError } from '../api/index.ts';
import { ociVersion } from '../runtime/index.ts';
import { commandOptions, parseArguments } from './arguments.ts';
import type { Invocation, Options } from './arguments.ts';
import type { Context } from './context.ts';
import { create } from './create.ts';
import { exec } from './exec.ts';
import { describeFailure, logLine, writeLog } from './failure.ts';
import type { LogTarget } from './failure.ts';
import { features } from './features.ts';
import { superviseChild } from './foreground.ts';
import { events, list, ps } from './inspect.ts';
import { kill, pause, remove, resume, start, state } from './lifecycle.ts';
import { Containers } from './record.ts';
import { update } from './update.ts';

declare const tscomposeVersion: string;

const defaultRoot = '/run/tscompose-oci';

/** Resolves to the exit code. Never rejects. */
export async function runOci(argv: readonly string[]): Promise<number> {
  let log: LogTarget = { path: undefined, format: undefined };
  try {
    const invocation = parseArguments(argv);
    const { global } = invocation;
    log = { path: global.text('log'), format: global.text('log-format') };
    checkFormat(log);
    return await run(invocation, {
      containers: new Containers(global.text('root') ?? defaultRoot),
      warn: (message) => {
        // Whoever names a log reads it, and takes what is on stderr for what failed.
        if (log.path !== undefined) writeLog(log, 'warning', message);
        else process.stderr.write(logLine('warning', message, log.format));
      },
      print: (text) => process.stdout.write(text),
    });
  } catch (error) {
    const message = describeFailure(error);
    try {
      writeLog(log, 'error', message);
    } catch (failure) {
      process.stderr.write(`tscompose-oci: ${describeFailure(failure)}\n`);
    }
    process.stderr.write(`tscompose-oci: ${message}\n`);
    return 1;
  }
}

function checkFormat({ format }: LogTarget): void {
  if (format === undefined || format === 'text' || format === 'json') return;
  throw new EngineError('invalid-argument', `--log-format "${format}" is neither text nor json`);
}

type Command = (context: Context, request: CommandRequest) => Promise<number | undefined>;

interface CommandRequest {
  readonly words: readonly string[];
  readonly options: Options;
  readonly id: string;
}

const commands: Readonly<Record<string, Command>> = {
  create: async (context, { id, options }) => {
    await create(context, { id, options, workingDirectory: process.cwd() });
    return 0;
  },
  run: async (context, request) => await runContainer(context, request),
  start: async (context, { id }) => {
    await start(context, id);
    return 0;
  },
  state: async (context, { id }) => {
    await state(context, id);
    return 0;
  },
  kill: async (context, { id, words, options }) => {
    await kill(context, { id, signal: words[1] ?? 'SIGTERM', all: options.flag('all') });
    return 0;
  },
  delete: async (context, { id, options }) => {
    await remove(context, id, options);
    return 0;
  },
  exec: async (context, { id, words, options }) =>
    await exec(context, { id, words, options, workingDirectory: process.cwd() }),
  pause: async (context, { id }) => {
    await pause(context, id);
    return 0;
  },
  resume: async (context, { id }) => {
    await resume(context, id);
    return 0;
  },
  ps: async (context, { id, options }) => {
    await ps(context, id, options);
    return 0;
  },
  list: async (context, { options }) => {
    await list(context, options);
    return 0;
  },
  update: async (context, { id, options }) => {
    await update(context, id, options);
    return 0;
  },
  events: async (context, { id, options }) => {
    await events(context, id, options);
    return 0;
  },
  features: (context) => {
    context.print(features());
    return Promise.resolve(0);
  },
};

const withoutContainer: ReadonlySet<string> = new Set(['list', 'features']);

async function run(invocation: Invocation, context: Context): Promise<number> {
  const { global, command, options, words } = invocation;
  if (global.flag('version')) {
    context.print(`tscompose-oci version ${tscomposeVersion}\nspec: ${ociVersion}\n`);
    return 0;
  }
  if (command === '' || global.flag('help')) {
    context.print(`usage: tscompose-oci [options] ${Object.keys(commandOptions).join('|')} …\n`);
    return command === '' && !global.flag('help') ? 1 : 0;
  }
  refuseSystemd(global);
  const id = words[0] ?? '';
  if (id === '' && !withoutContainer.has(command)) {
    throw new EngineError('invalid-argument', `"${command}" needs the id of a container`);
  }
  return (await commands[command]?.(context, { words, options, id })) ?? 0;
}

function refuseSystemd(global: Options): void {
  const manager = global.text('cgroup-manager') ?? 'cgroupfs';
  if (!global.flag('systemd-cgroup') && manager === 'cgroupfs') return;
  throw new EngineError(
    'not-implemented',
    'this runtime makes cgroups itself and asks no systemd',
    {
      hint: 'leave --systemd-cgroup out; podman does with --cgroup-manager=cgroupfs',
    },
  );
}

/** In the foreground this process is the container's parent, and its end is the container's. */
async function runContainer(context: Context, { id, options }: CommandRequest): Promise<number> {
  const { record } = await create(context, { id, options, workingDirectory: process.cwd() });
  try {
    await start(context, id);
  } catch (error) {
    await removeForced(context, id);
    throw error;
  }
  if (options.flag('detach')) return 0;
  const code = await superviseChild(record.process?.pid ?? 0);
  if (!options.flag('keep')) await removeForced(context, id);
  return code;
}

async function removeForced(context: Context, id: string): Promise<void> {
  await remove(context, id, parseArguments(['delete', '--force', id]).options);
}
