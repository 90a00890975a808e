/** Hooks that run in the runtime's own namespaces, one after the other (config.md, "POSIX-platform Hooks"). */
import { spawn } from 'node:child_process';
import { EngineError } from '../api/index.ts';
import { hookProgram } from '../runtime/index.ts';
import type { OciConfig, OciHook, OciHookName, OciState } from '../runtime/index.ts';

export interface HookRun {
  readonly config: OciConfig;
  readonly name: OciHookName;
  readonly state: OciState;
}

/** The first that fails ends it. */
export async function runHooks({ config, name, state }: HookRun): Promise<void> {
  for (const [index, hook] of (config.hooks?.[name] ?? []).entries()) {
    await runHook(hook, `hooks.${name}[${index}]`, state);
  }
}

/** The same for those whose failure is only to be told: the container goes on, or is gone. */
export async function tryHooks(run: HookRun, warn: (message: string) => void): Promise<void> {
  for (const [index, hook] of (run.config.hooks?.[run.name] ?? []).entries()) {
    try {
      await runHook(hook, `hooks.${run.name}[${index}]`, run.state);
    } catch (error) {
      warn(error instanceof Error ? error.message : String(error));
    }
  }
}

const mostOutput = 4096;

async function runHook(hook: OciHook, field: string, state: OciState): Promise<void> {
  const { path, args, env, timeoutSeconds } = hookProgram(hook);
  const [name = path, ...rest] = args;
  const child = spawn(path, rest, {
    argv0: name,
    env: Object.fromEntries(env.map(splitVariable)),
    stdio: ['pipe', 'ignore', 'pipe'],
    ...(timeoutSeconds > 0 && { timeout: timeoutSeconds * 1000, killSignal: 'SIGKILL' as const }),
  });
  let output = '';
  child.stderr.on('data', (bytes: Buffer) => {
    output = (output + bytes.toString()).slice(-mostOutput);
  });
  // A hook need not read what it is told: EPIPE.
  child.stdin.on('error', () => undefined);
  child.stdin.end(JSON.stringify(state));
  const failure = await new Promise<string | null>((resolve) => {
    child.on('error', (error) => {
      resolve(error.message);
    });
    child.on('exit', (code, signal) => {
      // A grandchild may keep the pipe open for ever.
      child.stderr.destroy();
      if (code === 0) resolve(null);
      else resolve(code === null ? reasonOf(signal, timeoutSeconds) : `it ended with ${code}`);
    });
  });
  if (failure === null) return;
  const words = output.trim() === '' ? '' : `: ${output.trim()}`;
  throw new EngineError('internal', `${field} "${path}" failed: ${failure}${words}`);
}

function reasonOf(signal: NodeJS.Signals | null, timeoutSeconds: number): string {
  return signal === 'SIGKILL' && timeoutSeconds > 0
    ? `it took longer than ${timeoutSeconds} s`
    : `it was ended by ${signal ?? 'nothing that is known'}`;
}

function splitVariable(variable: string): [string, string] {
  const equals = variable.indexOf('=');
  return [variable.slice(0, equals), variable.slice(equals + 1)];
}
