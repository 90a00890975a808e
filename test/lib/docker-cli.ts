/** The real `docker` command against an engine of ours. */
import { spawn, type ChildProcessByStdio } from 'node:child_process';
import type { Readable } from 'node:stream';

export interface CommandResult {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface DockerCli {
  /** Runs to its end. */
  run(...args: readonly string[]): Promise<CommandResult>;
  /** Succeeds, or throws with what it printed; standard output without its last line feed. */
  ok(...args: readonly string[]): Promise<string>;
  runWithInput(input: Uint8Array, ...args: readonly string[]): Promise<CommandResult>;
  start(...args: readonly string[]): RunningCommand;
}

export interface RunningCommand extends AsyncDisposable {
  readonly stdout: () => string;
  readonly stderr: () => string;
  readonly ended: Promise<CommandResult>;
  readonly kill: (signal: NodeJS.Signals) => void;
}

export interface DockerCliOptions {
  readonly address: string;
  /** Keeps the caller's own contexts and credentials out. */
  readonly configDirectory: string;
}

export function dockerCli({ address, configDirectory }: DockerCliOptions): DockerCli {
  const start = (args: readonly string[], input: Uint8Array | null): RunningCommand => {
    const child = spawn('docker', args, {
      stdio: [input === null ? 'ignore' : 'pipe', 'pipe', 'pipe'],
      env: { ...process.env, DOCKER_HOST: address, DOCKER_CONFIG: configDirectory },
    }) as ChildProcessByStdio<null, Readable, Readable>;
    if (input !== null) (child.stdin as unknown as NodeJS.WritableStream).end(input);
    return follow(child);
  };
  const run = (...args: readonly string[]): Promise<CommandResult> => start(args, null).ended;
  return {
    run,
    ok: async (...args) => {
      const result = await run(...args);
      if (result.code !== 0) {
        throw new Error(`docker ${args.join(' ')}: exit code ${result.code}: ${result.stderr}`);
      }
      return result.stdout.replace(/\n$/, '');
    },
    runWithInput: (input, ...args) => start(args, input).ended,
    start: (...args) => start(args, null),
  };
}

function follow(child: ChildProcessByStdio<null, Readable, Readable>): RunningCommand {
  const output = { stdout: '', stderr: '' };
  child.stdout.on('data', (chunk: Buffer) => (output.stdout += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (output.stderr += chunk.toString()));
  const ended = new Promise<CommandResult>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => {
      resolve({ code, ...output });
    });
  });
  return {
    stdout: () => output.stdout,
    stderr: () => output.stderr,
    ended,
    kill: (signal) => child.kill(signal),
    [Symbol.asyncDispose]: async () => {
      child.kill('SIGKILL');
      await ended;
    },
  };
}
