/**
 * The embedded engine as a process to look at: run in the foreground, its state, its end. The only file of cli/ that
 * may load the daemon; the bundle keeps it in a file of its own.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { runRootOf, stateRootOf } from '../address.ts';
import { CliError } from '../cli-error.ts';
import { defineCommand, type Command } from '../command.ts';
import type { Context } from '../context.ts';

type NoOptions = Readonly<Record<string, never>>;

const statusCommand: Command = defineCommand<NoOptions>({
  name: 'status',
  summary: 'say whether the embedded engine runs; exit code 3 when it does not',
  options: {},
  run: async (_request, context) => {
    const runRoot = runRootOf(context.env);
    const engine = readEngine(runRoot);
    if (engine === null) {
      await context.ui.stdout.write('the embedded engine does not run; `tscompose up` starts it\n');
      return 3;
    }
    const socket = `unix://${join(runRoot, 'engine.sock')}`;
    const { EngineClient } = await import('../../engine/client/index.ts');
    using client = new EngineClient({ address: socket });
    const signal = context.interrupts.graceful;
    const [version, info] = await Promise.all([
      client.version({ signal }),
      client.info({ signal }),
    ]);
    await context.ui.stdout.write(
      `the embedded engine runs\n` +
        `  process     ${engine.pid}\n` +
        `  version     ${version.Version} (API ${version.ApiVersion})\n` +
        `  address     ${socket}\n` +
        `  containers  ${info.ContainersRunning} running, ${info.Containers} in all\n` +
        `  state       ${stateRootOf(context.env)}\n` +
        `  log         ${join(runRoot, 'engine.log')}\n`,
    );
    return undefined;
  },
});

const stopCommand: Command = defineCommand<NoOptions>({
  name: 'stop',
  summary: 'end the embedded engine; containers go on, the next command starts it again',
  options: {},
  run: async (_request, context) => {
    const runRoot = runRootOf(context.env);
    const engine = readEngine(runRoot);
    if (engine === null) {
      context.ui.warn('the embedded engine does not run');
      return undefined;
    }
    await stopEngine(engine, join(runRoot, 'engine.sock'), context.interrupts.graceful);
    return undefined;
  },
});

export const daemonCommand: Command = defineCommand<NoOptions>({
  name: 'daemon',
  summary: 'run the embedded engine in the foreground, or look after the one that runs',
  options: {},
  subcommands: [statusCommand, stopCommand],
  examples: ['tscompose daemon', 'tscompose daemon status', 'tscompose daemon stop'],
  run: async (_request, context: Context) => {
    const { runDaemon } = await import('../../engine/daemon/main.ts');
    const { env } = context;
    return process.exit(await runDaemon({ stateRoot: stateRootOf(env), runRoot: runRootOf(env) }));
  },
});

interface RunningEngine {
  readonly pid: number;
  readonly startTime: string;
}

/** The engine that its pid file names, if that process is still the one that wrote it: pids are used again. */
function readEngine(runRoot: string): RunningEngine | null {
  const text = readIfPresent(join(runRoot, 'engine.pid'));
  if (text === null) return null;
  const { pid, startTime } = JSON.parse(text) as Partial<RunningEngine>;
  if (pid === undefined || startTime === undefined) return null;
  const engine = { pid, startTime };
  return isAlive(engine) ? engine : null;
}

function isAlive({ pid, startTime }: RunningEngine): boolean {
  const stat = readIfPresent(`/proc/${pid}/stat`);
  // The second field is the program's name, which may hold spaces and brackets; proc_pid_stat(5) counts from 1.
  const fields = stat?.slice(stat.lastIndexOf(')') + 2).split(' ') ?? [];
  return fields[22 - 3] === startTime && fields[0] !== 'Z';
}

const stopTimeoutMs = 15_000;

/** SIGTERM; then its socket closes, and shortly after it is gone. */
async function stopEngine(
  engine: RunningEngine,
  socketPath: string,
  signal: AbortSignal,
): Promise<void> {
  const deadline = performance.now() + stopTimeoutMs;
  process.kill(engine.pid, 'SIGTERM');
  // It is no child of ours, so the kernel tells nobody here of its end, and a connection closes before its process
  // does: pidfd_open(2) would be the event, and needs the addon, which only the daemon loads.
  const { setTimeout: delay } = await import('node:timers/promises');
  while (isAlive(engine)) {
    if (performance.now() > deadline) {
      throw new CliError(
        `the engine, process ${engine.pid}, did not end within ${stopTimeoutMs / 1000} s`,
        {
          hint: `its socket is ${socketPath}; \`kill -9 ${engine.pid}\` is safe: containers go on`,
        },
      );
    }
    await delay(10, undefined, { signal });
  }
}

function readIfPresent(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ESRCH') return null;
    if (code === 'EACCES') {
      throw new CliError(`cannot read "${path}": permission denied`, {
        hint: 'the embedded engine belongs to root: run with sudo',
        cause: error,
      });
    }
    throw error;
  }
}
