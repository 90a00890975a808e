/**
 * A container: its record on disk, which says what was wanted and what became of it, and what the engine knows while
 * it runs. Whether it runs is the shim's to say; after an engine restart `recover.ts` asks.
 */
import type {
  ContainerConfig,
  ContainerStatus,
  EndpointSettings,
  HostConfig,
  MountPoint,
} from '../api/index.ts';
import type { MountRequest } from '../../volumes/index.ts';
import type { ContainerLabels } from '../runtime/index.ts';
import type { NetworkFacts, RunningProcess } from './context.ts';
import { FilesUsers } from './files/users.ts';
import type { Health } from './health-state.ts';
import type { LogShipping } from './ship/shipping.ts';

export const containerSchemaVersion = 1;

/** Nanoseconds since the epoch as a decimal string: JSON numbers are exact to 2^53 only. */
export type Nanoseconds = string;

export interface ContainerRecord {
  readonly id: string;
  /** Without its slash. */
  readonly name: string;
  readonly createdNs: Nanoseconds;
  /** `sha256:…` */
  readonly imageId: string;
  /** Image and request merged. */
  readonly config: ContainerConfig;
  /** Defaults filled in. */
  readonly hostConfig: HostConfig;
  /** By network name, as asked for. */
  readonly endpoints: Readonly<Record<string, EndpointSettings>>;
  readonly mounts: readonly MountRecord[];
  /** Paths of files that a client has given it; never their content. Absent: none. */
  readonly given?: GivenPaths;
  /** Of SELinux, for its life; absent: it was made without. */
  readonly labels?: ContainerLabels;
  readonly run: RunRecord;
}

export interface GivenPaths {
  /** Their content is in the engine's memory, and gone when the machine has restarted. */
  readonly memory?: readonly string[];
  readonly disk?: readonly string[];
}

/** A mount as decided when the container was made. */
export interface MountRecord {
  readonly point: MountPoint;
  /** With the volume's name filled in. */
  readonly request: MountRequest;
  readonly isAnonymous: boolean;
}

/** The last run, or none yet. */
export interface RunRecord {
  readonly status: 'created' | 'running' | 'exited' | 'removing';
  readonly startedNs: Nanoseconds;
  readonly finishedNs: Nanoseconds;
  readonly exitCode: number;
  readonly isOomKilled: boolean;
  readonly error: string;
  /** `stop` or `kill` ended it: a restart policy of unless-stopped leaves it down. */
  readonly isStoppedByUser: boolean;
  readonly restartCount: number;
  /** What the restart by policy before this run has waited; absent for the first. The back-off goes on from it. */
  readonly restartDelayMs?: number;
  /** Of AppArmor, which its programs run under, those of execs as well; absent: none. */
  readonly appArmorProfile?: string;
  /** Of these restarts, those that have lasted for the window of their policy; absent for none. */
  readonly goodRestarts?: number;
  /** With the status `removing`: anonymous volumes go as well. */
  readonly removesVolumes?: boolean;
}

export const neverRun: RunRecord = {
  status: 'created',
  startedNs: '0',
  finishedNs: '0',
  exitCode: 0,
  isOomKilled: false,
  error: '',
  isStoppedByUser: false,
  restartCount: 0,
};

export interface ContainerExit {
  readonly exitCode: number;
  readonly error?: string;
}

/** One container in the engine's memory. `record` is replaced as a whole, never changed in place. */
export class Container {
  record: ContainerRecord;
  process: RunningProcess | null = null;
  network: NetworkFacts | null = null;
  /** Its processes are frozen. The kernel knows after an engine restart, so no record does. */
  isPaused = false;
  /** The shim of the last run holds the root's mount until this settles. */
  lastShimGone: Promise<void> = Promise.resolve();
  /** Links and cgroups of the last run are gone when this settles; it never rejects. */
  released: Promise<void> = Promise.resolve();
  /** Copies in and out; a start waits for them. */
  readonly files: FilesUsers = new FilesUsers();
  /** Clients that still read what it printed. */
  readonly attachments: Set<Promise<void>> = new Set();
  /** Sends its log to a server; null where no driver does, and when all was sent. */
  shipping: LogShipping | null = null;
  /** Compresses what its log has rotated; null where nobody asks for it, and when it has ended. */
  compression: { readonly stop: () => Promise<void> } | null = null;
  /** What its health check says; null without one, and before its first start. */
  health: Health | null = null;
  /** From an end that its policy answers with a restart until the program runs again; stop, start and remove abort it. */
  restart: { readonly delayMs: number; readonly cancel: AbortController } | null = null;
  /** Of a stop and start as one step: settles, and never rejects, when the second has come or failed. */
  userRestart: Promise<void> | null = null;
  /** Settles when the run under way (or the next one) has ended, its record is on the disk, and its ports are free. */
  #nextExit: PromiseWithResolversOf<ContainerExit> = withResolvers();
  #nextStart: PromiseWithResolversOf<void> = withResolvers();
  readonly #removed: PromiseWithResolversOf<ContainerExit> = withResolvers();
  #isRemoved = false;
  readonly #exitWatchers = new Set<(exit: ContainerExit) => void>();

  constructor(record: ContainerRecord) {
    this.record = record;
  }

  get id(): string {
    return this.record.id;
  }

  get name(): string {
    return this.record.name;
  }

  get status(): ContainerStatus {
    if (this.restart !== null) return 'restarting';
    if (this.isPaused) return 'paused';
    return this.record.run.status;
  }

  get nextExit(): Promise<ContainerExit> {
    return this.#nextExit.promise;
  }

  /**
   * As `nextExit`, or the removal, for those who may leave before: a promise that lives as long as the container would
   * keep something of each of them. Null when the signal came first.
   */
  nextExitUnless(signal: AbortSignal): Promise<ContainerExit | null> {
    if (signal.aborted) return Promise.resolve(null);
    if (this.#isRemoved) return Promise.resolve(this.lastExit);
    return new Promise((resolve) => {
      const leave = (): void => {
        this.#exitWatchers.delete(watcher);
        resolve(null);
      };
      const watcher = (exit: ContainerExit): void => {
        signal.removeEventListener('abort', leave);
        resolve(exit);
      };
      this.#exitWatchers.add(watcher);
      signal.addEventListener('abort', leave, { once: true });
    });
  }

  get removed(): Promise<ContainerExit> {
    return this.#removed.promise;
  }

  get lastExit(): ContainerExit {
    const { exitCode, error } = this.record.run;
    return error === '' ? { exitCode } : { exitCode, error };
  }

  /** All at once: nobody sees a program that runs in a container that does not. */
  noteStart(run: {
    readonly record: ContainerRecord;
    readonly network: NetworkFacts | null;
    readonly process: RunningProcess;
  }): void {
    this.record = run.record;
    this.network = run.network;
    this.process = run.process;
    this.isPaused = false;
    this.restart = null;
    const started = this.#nextStart;
    this.#nextStart = withResolvers();
    started.resolve();
  }

  /** Resolves while it runs, and otherwise when it runs or is removed. */
  get started(): Promise<unknown> {
    if (this.process !== null) return Promise.resolve();
    return Promise.race([this.#nextStart.promise, this.removed]);
  }

  announceExit(): void {
    const ended = this.#nextExit;
    this.#nextExit = withResolvers();
    ended.resolve(this.lastExit);
    for (const watcher of this.#exitWatchers) watcher(this.lastExit);
    this.#exitWatchers.clear();
  }

  announceRemoval(): void {
    this.#isRemoved = true;
    this.#removed.resolve(this.lastExit);
    this.announceExit();
  }
}

/** Promise.withResolvers, which Node 20 lacks. */
interface PromiseWithResolversOf<T> {
  readonly promise: Promise<T>;
  readonly resolve: (value: T) => void;
}

function withResolvers<T>(): PromiseWithResolversOf<T> {
  let resolve: ((value: T) => void) | undefined;
  const promise = new Promise<T>((settle) => {
    resolve = settle;
  });
  return {
    promise,
    resolve: (value) => {
      resolve?.(value);
    },
  };
}
