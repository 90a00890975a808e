/** An engine of its own for one test: roots below a temporary directory, in the network namespace of the test run. */
import { execFile, spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { createHash } from 'node:crypto';
import { closeSync, openSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { EngineClient } from '../../engine/client/index.ts';
import { eventually } from './eventually.ts';
import { recordEngine } from './run-record.mjs';
import { tempPrefix } from './temp-dir.ts';
import { instanceCgroups } from './audit.ts';
import type { AuditScope } from './audit.ts';

const run = promisify(execFile);
const repository = new URL('../..', import.meta.url).pathname;
export const cliPath: string = join(repository, 'dist/bin/tscompose.cjs');

export interface CommandResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export class TestEngine implements AsyncDisposable {
  readonly root: string;
  readonly stateRoot: string;
  readonly runRoot: string;
  #child: ChildProcess | null = null;

  private constructor(root: string) {
    this.root = root;
    this.stateRoot = join(root, 'state');
    this.runRoot = join(root, 'run');
  }

  /** The engine itself is started by `start`, or by the first command that needs one. */
  static async create(): Promise<TestEngine> {
    const root = await mkdtemp(join(tmpdir(), tempPrefix));
    const engine = new TestEngine(root);
    recordEngine(engine);
    await mkdir(join(root, 'project'));
    return engine;
  }

  get socket(): string {
    return join(this.runRoot, 'engine.sock');
  }

  get env(): NodeJS.ProcessEnv {
    // An engine is not of the run, as run-record.mjs means it: it may outlive that.
    const { NODE_EXTRA_CA_CERTS: _slow, TSCOMPOSE_TEST_RUN: _run, ...env } = process.env;
    return {
      ...env,
      TSCOMPOSE_STATE_ROOT: this.stateRoot,
      TSCOMPOSE_RUN_ROOT: this.runRoot,
      NO_COLOR: '1',
    };
  }

  get scope(): AuditScope {
    return { instance: this.instance, directories: [this.runRoot] };
  }

  /** As engine/store/layout.ts names it; a test of its own compares the two. */
  get instance(): string {
    return `tscompose-${createHash('sha256').update(this.stateRoot).digest('hex').slice(0, 6)}`;
  }

  get client(): EngineClient {
    return new EngineClient({ address: `unix://${this.socket}` });
  }

  /** Resolves when the engine answers. */
  async start(options: { readonly env?: NodeJS.ProcessEnv } = {}): Promise<void> {
    const child = await this.spawn(options);
    await eventually(
      async () => {
        if (child.exitCode !== null || child.signalCode !== null) return;
        await this.client.ping();
      },
      { timeoutMs: 30_000 },
    );
    if (child.exitCode !== null || child.signalCode !== null) {
      throw new Error(`the engine ended at once:\n${await this.log()}`);
    }
  }

  /** Starts the process without waiting for it. */
  async spawn({ env = {} }: { readonly env?: NodeJS.ProcessEnv } = {}): Promise<ChildProcess> {
    await mkdir(this.runRoot, { recursive: true });
    const log = openSync(join(this.root, 'engine.log'), 'a');
    const child = spawn(process.execPath, [cliPath, 'daemon'], {
      stdio: ['ignore', log, log],
      env: { ...this.env, ...env },
      cwd: '/',
    });
    closeSync(log);
    this.#child = child;
    return child;
  }

  log(): Promise<string> {
    return readFile(join(this.root, 'engine.log'), 'utf8');
  }

  /** The pid that holds the engine's lock, whoever started it. */
  async pid(): Promise<number> {
    const text = await readFile(join(this.runRoot, 'engine.pid'), 'utf8');
    return (JSON.parse(text) as { pid: number }).pid;
  }

  /** SIGKILL, and waits for the end. */
  async kill(): Promise<void> {
    const pid = await this.pid();
    process.kill(pid, 'SIGKILL');
    await gone(pid);
  }

  /** The command line as a user runs it, in the project directory of the test. */
  async cli(
    args: readonly string[],
    options: { readonly cwd?: string; readonly env?: NodeJS.ProcessEnv } = {},
  ): Promise<CommandResult> {
    return await command(process.execPath, [cliPath, ...args], {
      cwd: options.cwd ?? join(this.root, 'project'),
      env: { ...this.env, ...options.env },
    });
  }

  /** Like `cli`, but throws with all output when it fails. */
  async mustCli(args: readonly string[], options: { readonly cwd?: string } = {}): Promise<string> {
    const result = await this.cli(args, options);
    if (result.code === 0) return result.stdout;
    throw new Error(
      `tscompose ${args.join(' ')} exited ${result.code}:\n${result.stdout}${result.stderr}\n${await this.log().catch(() => '')}`,
    );
  }

  /** The real Docker CLI against this engine. */
  async docker(args: readonly string[], input?: string): Promise<CommandResult> {
    return await command('docker', args, {
      env: {
        ...this.env,
        DOCKER_HOST: `unix://${this.socket}`,
        DOCKER_CONFIG: join(this.root, 'docker'),
      },
      ...(input !== undefined && { input }),
    });
  }

  private async removeContainers(): Promise<void> {
    const isAnswering = await this.client.ping().then(
      () => true,
      () => false,
    );
    if (!isAnswering) await this.start();
    for (const { Id } of await this.client.containers.list({ all: true })) {
      await this.client.containers.remove(Id, { force: true, volumes: true });
    }
    for (const { Id, Name } of await this.client.networks.list()) {
      if (!['bridge', 'host', 'none'].includes(Name)) await this.client.networks.remove(Id);
    }
  }

  /** Stops whatever engine runs on these roots, its resolver included. Containers are the test's to remove. */
  async stop(): Promise<void> {
    await this.cli(['daemon', 'stop']);
    const child = this.#child;
    if (child !== null && child.exitCode === null && child.signalCode === null) {
      child.kill('SIGKILL');
      await new Promise((resolve) => child.once('exit', resolve));
    }
    this.#child = null;
  }

  /** Also after a failed test nothing stays: what it left running is removed by the engine that made it. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.removeContainers();
    await this.stop();
    const cgroups = await instanceCgroups(this.scope.instance);
    if (cgroups.length > 0) throw new Error(`the engine has left ${cgroups.join(', ')}`);
    await rm(this.root, { recursive: true, force: true });
  }
}

export async function command(
  file: string,
  args: readonly string[],
  options: {
    readonly cwd?: string;
    readonly env?: NodeJS.ProcessEnv;
    readonly input?: string;
  } = {},
): Promise<CommandResult> {
  const { input, ...rest } = options;
  const running = run(file, [...args], { maxBuffer: 64 << 20, timeout: 120_000, ...rest });
  // A program may end before it has read what it is given.
  running.child.stdin?.on('error', () => undefined);
  if (input === undefined) running.child.stdin?.end();
  else running.child.stdin?.end(input);
  return await running.then(
    ({ stdout, stderr }) => ({ code: 0, stdout, stderr }),
    (error: unknown) => {
      const failed = error as { code?: number | string; stdout?: string; stderr?: string };
      if (typeof failed.code !== 'number') throw error;
      return { code: failed.code, stdout: failed.stdout ?? '', stderr: failed.stderr ?? '' };
    },
  );
}

async function gone(pid: number): Promise<void> {
  await eventually(() => {
    try {
      process.kill(pid, 0);
    } catch {
      return;
    }
    throw new Error(`process ${pid} is still there`);
  });
}
