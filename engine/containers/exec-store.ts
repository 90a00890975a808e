/**
 * The execs that clients may ask for. What was started has a record below the run root, so that an engine that comes after
 * this one knows whose program it finds, and how one has ended. The shim keeps an end until it is on record.
 */
import { EngineError } from '../api/index.ts';
import type { ExecCreateRequest } from '../api/index.ts';
import type { RecordStore } from '../store/index.ts';
import type { Container } from './container.ts';
import type { RunningExec } from './exec.ts';

export interface Exec {
  readonly id: string;
  readonly container: Container;
  readonly request: ExecCreateRequest;
  state: 'created' | 'starting' | 'running' | 'ended';
  exitCode: number | null;
  pid: number;
  running: RunningExec | null;
  /** Of the wall clock: it outlives engines. */
  endedAtMs: number;
}

export interface ExecRecord {
  readonly id: string;
  readonly containerId: string;
  /** The container's run that it belongs to, by its start. */
  readonly runStartedNs: string;
  readonly request: ExecCreateRequest;
  readonly pid: number;
  /** null: not ended, as far as this engine knew. */
  readonly exitCode: number | null;
  readonly endedAtMs: number;
}

/** A record as read from anywhere; null if it cannot be one. */
export function readExecRecord(body: Readonly<Record<string, unknown>>): ExecRecord | null {
  const { id, containerId, runStartedNs, request, pid, exitCode, endedAtMs } = body;
  const isExec =
    [id, containerId, runStartedNs].every((value) => typeof value === 'string') &&
    [pid, endedAtMs].every((value) => typeof value === 'number') &&
    (exitCode === null || typeof exitCode === 'number') &&
    typeof request === 'object' &&
    request !== null;
  return isExec ? (body as unknown as ExecRecord) : null;
}

/** Clients inspect after the end for its exit code; dockerd forgets after as long. */
const keptMs = 5 * 60_000;
/** A probe of somebody's every second, on some hundred containers, stays below. */
const mostEnded = 10_000;

type Records = Pick<RecordStore<ExecRecord>, 'put' | 'delete' | 'has'>;

export class Execs {
  readonly #records: Records;
  readonly #byId = new Map<string, Exec>();
  /** Made and, when this was last looked at, not started. */
  readonly #fresh = new Set<Exec>();
  /** In the order of their ends. */
  readonly #ended = new Set<Exec>();
  readonly #watched = new WeakSet<Container>();

  constructor(records: Records) {
    this.#records = records;
  }

  add(exec: Exec): void {
    this.#forgetOld();
    this.#byId.set(exec.id, exec);
    if (exec.state === 'created') this.#fresh.add(exec);
    if (this.#watched.has(exec.container)) return;
    this.#watched.add(exec.container);
    void exec.container.removed.then(() => this.#forgetAllOf(exec.container));
  }

  find(id: string): Exec {
    const exec = this.#byId.get(id);
    if (exec !== undefined) return exec;
    throw new EngineError('not-found', `No such exec instance: ${id}`);
  }

  /** Ids of those of a container that have not ended. */
  idsOf(container: Container): readonly string[] {
    return [...this.#byId.values()]
      .filter((exec) => exec.container === container && exec.state !== 'ended')
      .map(({ id }) => id);
  }

  /** Resolves when the next engine would know of it what this one does. */
  async keep(exec: Exec): Promise<void> {
    if (exec.state === 'ended') this.#ended.add(exec);
    const { id, container, request, pid, exitCode, endedAtMs } = exec;
    const { startedNs: runStartedNs } = container.record.run;
    const containerId = container.id;
    // Its container went meanwhile, and all records of its execs.
    if (this.#byId.get(id) !== exec) return;
    const record = { id, containerId, runStartedNs, request, pid, exitCode, endedAtMs };
    await this.#records.put(id, record);
  }

  async #forgetAllOf(container: Container): Promise<void> {
    const found = [...this.#byId.values()].filter((exec) => exec.container === container);
    await Promise.all(found.map((exec) => this.#forget(exec)));
  }

  #forgetOld(): void {
    const before = Date.now() - keptMs;
    for (const exec of this.#ended) {
      if (this.#ended.size <= mostEnded && exec.endedAtMs >= before) break;
      void this.#forget(exec);
    }
    for (const exec of this.#fresh) {
      const mayStart = exec.state === 'created' && exec.container.process !== null;
      if (mayStart || exec.state === 'starting') continue;
      this.#fresh.delete(exec);
      if (exec.state === 'created') this.#byId.delete(exec.id);
    }
  }

  async #forget(exec: Exec): Promise<void> {
    this.#byId.delete(exec.id);
    this.#fresh.delete(exec);
    this.#ended.delete(exec);
    if (this.#records.has(exec.id)) await this.#records.delete(exec.id);
  }
}

export function newExec(what: Pick<Exec, 'id' | 'container' | 'request'>): Exec {
  return { ...what, state: 'created', exitCode: null, pid: 0, running: null, endedAtMs: 0 };
}
