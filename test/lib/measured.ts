import type { Readable } from 'node:stream';
import { spawn } from 'node:child_process';
import { openSync, closeSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { cliPath } from './engine.ts';
import { tempDir } from './temp-dir.ts';

export interface Measured {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
  /** Processor time of all threads: a machine that does something else as well does not change it. */
  readonly cpuMs: number;
  readonly rssMiB: number;
}

const preload = fileURLToPath(new URL('report-usage.cjs', import.meta.url));

/** Runs the built command and says what it took. `input` is a file to read standard input from. */
export async function measured(
  args: readonly string[],
  { cwd, env = {}, input }: MeasuredOptions,
): Promise<Measured> {
  await using directory = await tempDir();
  const file = `${directory.path}/usage.json`;
  const usage = openSync(file, 'w');
  const stdin = openSync(input ?? '/dev/null', 'r');
  try {
    const child = spawn(process.execPath, ['--require', preload, cliPath, ...args], {
      cwd,
      env: { PATH: process.env['PATH'], HOME: '/nonexistent', ...env },
      stdio: [stdin, 'pipe', 'pipe', usage],
      timeout: 60_000,
      killSignal: 'SIGKILL',
    });
    const [stdout, stderr] = [textOf(child.stdout), textOf(child.stderr)];
    const code = await new Promise<number | null>((resolve, reject) => {
      child.once('error', reject);
      child.once('close', resolve);
    });
    if (code === null) throw new Error('it did not end by itself');
    const { cpuMs, rssMiB } = JSON.parse(readFileSync(file, 'utf8')) as Measured;
    return { code, stdout: stdout(), stderr: stderr(), cpuMs, rssMiB };
  } finally {
    closeSync(stdin);
    closeSync(usage);
  }
}

interface MeasuredOptions {
  readonly cwd: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly input?: string;
}

function textOf(stream: Readable | null): () => string {
  if (stream === null) throw new TypeError('the command has no pipe');
  const parts: string[] = [];
  stream.setEncoding('utf8').on('data', (part: string) => parts.push(part));
  return () => parts.join('');
}
