/** Another program that tells by lines of JSON what it does. */
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { CliError } from '../cli-error.ts';
import type { Environment } from './plugins.ts';

export interface ProgramCall {
  readonly path: string;
  readonly args: readonly string[];
  readonly env: Environment;
  readonly cwd: string;
  readonly signal: AbortSignal;
}

export interface ProgramEnd {
  /** null: a signal ended it. */
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** Its standard error is ours. Rejects with the signal's reason when that ended it. */
export async function runProgram(
  call: ProgramCall,
  onLine: (line: string) => void,
): Promise<ProgramEnd> {
  const { path, args, env, cwd, signal } = call;
  signal.throwIfAborted();
  const child = spawn(path, args, { cwd, env, stdio: ['ignore', 'pipe', 'inherit'] });
  // It may have something to undo, so it is asked, not killed.
  const stop = (): void => void child.kill('SIGTERM');
  signal.addEventListener('abort', stop, { once: true });
  try {
    const ended = new Promise<ProgramEnd>((resolve, reject) => {
      child.once('error', (cause) => {
        reject(new CliError(`cannot run "${path}": ${cause.message}`, { cause }));
      });
      child.once('close', (code, endSignal) => {
        resolve({ code, signal: endSignal });
      });
    });
    const reading = readLines(child.stdout, onLine);
    const [end] = await Promise.all([ended, reading]);
    signal.throwIfAborted();
    return end;
  } catch (error) {
    child.kill('SIGTERM');
    throw error;
  } finally {
    signal.removeEventListener('abort', stop);
  }
}

async function readLines(
  stream: NodeJS.ReadableStream,
  onLine: (line: string) => void,
): Promise<void> {
  for await (const line of createInterface({ input: stream, crlfDelay: Infinity })) onLine(line);
}

/** All that it prints, when it succeeds. */
export async function outputOf(call: ProgramCall): Promise<string | null> {
  const lines: string[] = [];
  const { code } = await runProgram(call, (line) => lines.push(line));
  return code === 0 ? lines.join('\n') : null;
}
