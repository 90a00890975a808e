import type {
  ContainerCreated,
  ContainerCreateRequest,
  ContainerInspect,
  ContainerSummary,
  OutputStream,
  WaitCondition,
} from '../../api/index.ts';

export interface CreateOptions {
  /** Checked against Docker's name pattern, without its slash; null: choose one. */
  readonly name: string | null;
  readonly platform: string | null;
}

export interface StopOptions {
  /** Null: the container's own StopTimeout, else 10; negative: wait for ever. */
  readonly timeoutSeconds: number | null;
  /** As written (`SIGTERM`, `TERM`, `15`); null: the container's own. */
  readonly signal: string | null;
}

export interface RemoveOptions {
  readonly force: boolean;
  /** Anonymous volumes go as well. */
  readonly volumes: boolean;
}

export interface ContainerExit {
  readonly exitCode: number;
  readonly error?: string;
}

/** Everything a list entry's filters ask for that the entry itself does not show. */
export interface ContainerListItem {
  readonly summary: ContainerSummary;
  /** Orders the list, newest first, and decides `before` and `since`. */
  readonly createdNs: bigint;
  readonly exitCode: number;
  readonly health: 'none' | 'starting' | 'healthy' | 'unhealthy';
  /** `80/tcp`: of the image, of the request, and published ones. */
  readonly exposedPorts: readonly string[];
}

export interface LogOptions {
  readonly stdout: boolean;
  readonly stderr: boolean;
  readonly follow: boolean;
  /** Inclusive, nanoseconds since the epoch. */
  readonly sinceNs: bigint | null;
  readonly untilNs: bigint | null;
  /** Last n lines of the selected streams; null: all. */
  readonly tail: number | null;
}

/** Structurally what engine/runtime reads from a shim's log. */
export interface LogRecord {
  readonly stream: OutputStream;
  readonly timeNs: bigint;
  /**
   * The line is `source` from `start` to `end`, with its line feed, unless it is a piece of a line that goes on in the
   * next record of its stream.
   */
  readonly source: Buffer;
  readonly start: number;
  readonly end: number;
}

export interface ContainerLogs {
  readonly isTty: boolean;
  /** `key=value,…` as it stands before each line, without its space. */
  readonly details: string;
  /** Ends at the end of the log, or with `follow` when the container has ended or `abort` fires (without throwing). */
  readonly records: AsyncIterable<readonly LogRecord[]>;
}

/**
 * What the container routes need. `ref` is an id, a name with or without its slash, or an unambiguous id prefix, and
 * resolving it is the backend's: it throws EngineError `not-found` with `No such container: ref`. `abort` fires when the
 * client has gone.
 */
export interface ContainerBackend {
  create(
    request: ContainerCreateRequest,
    options: CreateOptions,
    abort: AbortSignal,
  ): Promise<ContainerCreated>;
  /** Throws `not-modified` when it already runs; so does `stop` when it does not. */
  start(ref: string, abort: AbortSignal): Promise<void>;
  stop(ref: string, options: StopOptions, abort: AbortSignal): Promise<void>;
  restart(ref: string, options: StopOptions, abort: AbortSignal): Promise<void>;
  /** Signal as written; null: SIGKILL. */
  kill(ref: string, signal: string | null): Promise<void>;
  rename(ref: string, name: string): Promise<void>;
  /** The outer promise settles once the container is known to exist and is being watched; the inner one at its end. */
  wait(
    ref: string,
    condition: WaitCondition,
    abort: AbortSignal,
  ): Promise<{ readonly exited: Promise<ContainerExit> }>;
  remove(ref: string, options: RemoveOptions): Promise<void>;
  /** Config and HostConfig as stored; the routes fill in what Docker shows for what nobody set. */
  inspect(ref: string, options: { readonly size: boolean }): Promise<ContainerInspect>;
  /** Every container, whatever its status, in any order. */
  list(options: { readonly size: boolean }): Promise<readonly ContainerListItem[]>;
  logs(ref: string, options: LogOptions, abort: AbortSignal): Promise<ContainerLogs>;
}
