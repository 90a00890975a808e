/** One engine that is killed again and again: started, traced, killed, started, looked at, cleaned. */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { EngineClient } from '../../../engine/client/index.ts';
import { daemonArguments } from '../../../cli/daemon-request.ts';
import { eventually } from '../eventually.ts';
import { differences, lightAudit } from './light-audit.ts';
import type { Known } from './light-audit.ts';
import { labNetwork, operations } from './operations.ts';
import type { Operation } from './operations.ts';

export interface BenchPaths {
  readonly root: string;
  readonly instance: string;
  readonly cli: string;
  readonly killPoint: string;
}

export interface Point {
  readonly operation: string;
  /** As kill-point.c lists it. */
  readonly call: string;
  readonly occurrence: number;
  readonly isWithChildren: boolean;
  /** Who is killed: `shim` is also what it makes of itself in the container, until that is the program. */
  readonly victim: 'engine' | 'shim';
}

export interface Outcome {
  readonly point: Point;
  readonly wasKilled: boolean;
  /** What the operation has answered; null: nothing went wrong. */
  readonly answer: string | null;
  /** From the next engine's start to its serving, less what it waited for a processor; NaN without a next engine. */
  readonly recoveryMs: number;
  readonly findings: readonly string[];
}

const auditPatienceMs = 3_000;
const startPatienceMs = 20_000;
const operationPatienceMs = 15_000;

export class KillBench {
  readonly stateRoot: string;
  readonly runRoot: string;
  readonly client: EngineClient;
  readonly #paths: BenchPaths;
  #engine: ChildProcess | null = null;
  #baseline: readonly string[] = [];
  /** What is left once is told once. */
  readonly #told = new Set<string>();

  constructor(paths: BenchPaths) {
    this.#paths = paths;
    this.stateRoot = join(paths.root, 'state');
    this.runRoot = join(paths.root, 'run');
    mkdirSync(this.runRoot, { recursive: true });
    this.client = new EngineClient({ address: `unix://${join(this.runRoot, 'engine.sock')}` });
  }

  /** Makes what is made once: the host image, a network, what the first container on each leaves. */
  async setUp(): Promise<void> {
    await this.start();
    await this.client.networks.create({ Name: labNetwork });
    for (const NetworkMode of [labNetwork, 'bridge']) {
      const request = { Image: 'tscompose.local/host', Cmd: ['true'], HostConfig: { NetworkMode } };
      const { Id } = await this.client.containers.create(request);
      await this.client.containers.start(Id);
      await this.client.containers.remove(Id, { force: true });
    }
    await this.kill();
    await this.start();
    this.#baseline = (await this.#audit()).lines;
  }

  /** Returns the milliseconds until it serves, see Outcome. */
  async start(): Promise<number> {
    const engine = this.spawn();
    const startedAt = performance.now();
    const isReady = await this.#becomesReady(engine);
    const tookMs = performance.now() - startedAt;
    if (!isReady) throw new Error(`the engine did not start:\n${this.log().slice(-2000)}`);
    return tookMs - waitedMs(engine.pid ?? 0);
  }

  spawn(): ChildProcess {
    const log = openSync(join(this.#paths.root, 'engine.log'), 'a');
    const { stateRoot, runRoot } = this;
    const engine = spawn(
      process.execPath,
      [this.#paths.cli, ...daemonArguments({ stateRoot, runRoot, readyFd: 3 })],
      // One thread in libuv's pool: what it does comes in one order.
      {
        stdio: ['ignore', log, log, 'pipe'],
        env: { PATH: process.env['PATH'], UV_THREADPOOL_SIZE: '1' },
      },
    );
    closeSync(log);
    this.#engine = engine;
    return engine;
  }

  async #becomesReady(engine: ChildProcess): Promise<boolean> {
    const pipe = engine.stdio[3] as NodeJS.ReadableStream;
    const over = new AbortController();
    void patience(startPatienceMs, over.signal).then((isOver) => isOver && engine.kill('SIGKILL'));
    let isReady = false;
    for await (const chunk of pipe) isReady ||= chunk.length > 0;
    over.abort();
    return isReady;
  }

  log(): string {
    return readFileSync(join(this.#paths.root, 'engine.log'), 'utf8');
  }

  async kill(): Promise<void> {
    const engine = this.#engine;
    if (engine === null) return;
    if (engine.exitCode === null && engine.signalCode === null) {
      const ended = once(engine, 'exit');
      engine.kill('SIGKILL');
      await ended;
    }
    this.#engine = null;
  }

  /** Ends it in order: nothing of the kernel may stay then. */
  async stop(): Promise<void> {
    const engine = this.#engine;
    if (engine === null) return;
    const ended = once(engine, 'exit');
    engine.kill('SIGTERM');
    await ended;
    this.#engine = null;
  }

  /** Every state-changing call of one undisturbed run, in order. */
  async dryRun(
    operation: Operation,
    victim: Point['victim'] = 'engine',
  ): Promise<readonly string[]> {
    const prepared = await operation.prepare(this);
    if (operation.isRecovery === true) await this.kill();
    const next = operation.isRecovery === true ? this.#becomesReady(this.spawn()) : null;
    const tracer = await this.#trace(victim === 'shim' ? ['-s'] : [], []);
    await (next ?? operation.run(this, prepared));
    const calls = await tracer.end();
    await this.clean();
    return calls;
  }

  async killAt(point: Point): Promise<Outcome> {
    return point.victim === 'shim' ? await this.#killShim(point) : await this.#killEngine(point);
  }

  /** The engine goes on: it says what has happened, and can do the same again. */
  async #killShim(point: Point): Promise<Outcome> {
    const operation = find(point);
    const prepared = await operation.prepare(this);
    const tracer = await this.#trace(['-s'], [String(point.occurrence), point.call]);
    const startedAt = performance.now();
    const answer = await operation.run(this, prepared).then(
      () => null,
      (error: unknown) => String(error),
    );
    const recoveryMs = performance.now() - startedAt;
    const wasKilled = (await tracer.end()).at(-1) === 'killed';
    const findings = [...(await this.#findings('after the answer'))];
    if (answer !== null) await operation.run(this, prepared);
    await this.clean();
    findings.push(...(await this.#findings('after removal')));
    return { point, wasKilled, answer, recoveryMs, findings };
  }

  async #killEngine(point: Point): Promise<Outcome> {
    const operation = find(point);
    const engine = this.#engine;
    if (engine === null) throw new TypeError('no engine');
    const prepared = await operation.prepare(this);
    if (operation.isRecovery === true) await this.kill();
    const next = operation.isRecovery === true ? this.#becomesReady(this.spawn()) : null;
    const options = point.isWithChildren ? ['-c'] : [];
    const tracer = await this.#trace(options, [String(point.occurrence), point.call]);
    const run = (next ?? operation.run(this, prepared)).then(
      () => undefined,
      // Its engine is killed under it.
      () => undefined,
    );
    const limit = new AbortController();
    await Promise.race([run, tracer.ended, patience(operationPatienceMs, limit.signal)]);
    limit.abort();
    const wasKilled = (await tracer.end()).at(-1) === 'killed';
    await this.kill();
    await run;
    const findings: string[] = [];
    const recoveryMs = await this.start();
    findings.push(...(await this.#findings('after recovery')));
    await this.clean();
    findings.push(...(await this.#findings('after removal')));
    return { point, wasKilled, answer: null, recoveryMs, findings };
  }

  async #findings(when: string): Promise<readonly string[]> {
    let found: readonly string[] = [];
    const check = async (): Promise<void> => {
      const { lines, hasRunning } = await this.#audit();
      found = differences(this.#baseline, lines)
        .filter((line) => !this.#told.has(line))
        // Rules that are of a container are not told from the others.
        .filter((line) => !(hasRunning && line.startsWith('- rule ')));
      if (found.length > 0) throw new Error('not yet');
    };
    // The kernel ends namespaces in the background.
    await eventually(check, { timeoutMs: auditPatienceMs, intervalMs: 10 }).catch(() => undefined);
    for (const line of found) this.#told.add(line);
    return found.map((line) => `${when}: ${line}`);
  }

  async #audit(): Promise<Audited> {
    const { stateRoot, runRoot } = this;
    const { instance } = this.#paths;
    const known = await this.#known();
    return {
      lines: lightAudit({ stateRoot, runRoot, instance }, known),
      hasRunning: known.running.length > 0,
    };
  }

  async #known(): Promise<Known> {
    const [containers, networks, volumes] = await Promise.all([
      this.client.containers.list({ all: true }),
      this.client.networks.list(),
      this.client.volumes.list(),
    ]);
    const isRunning = ({ State }: { State: string }): boolean =>
      State === 'running' || State === 'paused';
    return {
      containers: containers.map(({ Id }) => Id),
      running: containers.filter(isRunning).map(({ Id }) => Id),
      networks: networks.map(({ Id }) => Id),
      volumes: volumes.map(({ Name }) => Name),
    };
  }

  /** Removes what the engine knows; what it does not know is what is looked for. */
  async clean(): Promise<void> {
    const { client } = this;
    for (const { Id } of await client.containers.list({ all: true }))
      await client.containers.remove(Id, { force: true, volumes: true });
    for (const { Name } of await client.volumes.list()) await client.volumes.remove(Name);
    const kept = ['bridge', 'host', 'none', labNetwork];
    for (const { Id, Name } of await client.networks.list())
      if (!kept.includes(Name)) await client.networks.remove(Id);
  }

  async #trace(
    options: readonly string[],
    point: readonly string[],
  ): Promise<{ readonly ended: Promise<unknown>; end(): Promise<readonly string[]> }> {
    const args = [...options, String(this.#engine?.pid), ...point];
    const tracer = spawn(this.#paths.killPoint, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    const lines: string[] = [];
    const closed = once(tracer, 'close');
    const ready = new Promise<void>((resolve) => {
      createInterface({ input: tracer.stdout }).on('line', (line) => {
        if (line === 'ready') resolve();
        else lines.push(line);
      });
    });
    await Promise.race([ready, closed]);
    return {
      ended: closed,
      end: async () => {
        // Detaches: its threads go on by themselves.
        tracer.kill('SIGTERM');
        await closed;
        return lines;
      },
    };
  }
}

function find(point: Point): Operation {
  const operation = operations.find(({ name }) => name === point.operation);
  if (operation === undefined) throw new TypeError(`no operation "${point.operation}"`);
  return operation;
}

interface Audited {
  readonly lines: readonly string[];
  readonly hasRunning: boolean;
}

/** True when the time is over, false when somebody did not want to wait for it. */
function patience(ms: number, signal: AbortSignal): Promise<boolean> {
  return delay(ms, true, { signal }).catch(() => false);
}

/** What its first thread has waited for a processor: proc_pid_schedstat, the second number. */
export function waitedMs(pid: number): number {
  const [, waitedNs = '0'] = readFileSync(`/proc/${pid}/schedstat`, 'utf8').split(' ');
  return Number(waitedNs) / 1e6;
}
