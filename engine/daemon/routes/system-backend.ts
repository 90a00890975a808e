import type { EventMessage } from '../../api/index.ts';

export interface EngineVersion {
  readonly version: string;
  readonly gitCommit: string;
  readonly buildTime: string;
}

/** What only the engine knows; the machine's own facts are read by the route. */
export interface EngineInfo {
  readonly id: string;
  readonly containers: {
    readonly running: number;
    readonly paused: number;
    readonly stopped: number;
  };
  readonly images: number;
  readonly stateRoot: string;
  readonly storageDriver: string;
  readonly storageStatus: readonly (readonly [string, string])[];
  readonly cgroupVersion: 1 | 2;
  /** Keys of the answer such as `MemoryLimit`: which limits the machine has. */
  readonly limits: Readonly<Record<string, boolean>>;
  /** `name=seccomp,profile=builtin`, `name=cgroupns`. */
  readonly securityOptions: readonly string[];
  readonly networkDrivers: readonly string[];
  readonly volumeDrivers: readonly string[];
  readonly eventSubscribers: number;
  readonly warnings: readonly string[];
  /** Beside our own. */
  readonly runtimes: readonly {
    readonly name: string;
    readonly path: string;
    readonly args: readonly string[];
  }[];
}

export interface EventRange {
  readonly sinceNs: bigint | null;
  /** The stream ends there; in the past: after what is kept. Null: never. */
  readonly untilNs: bigint | null;
}

/** What ping, version, info and events need. */
export interface SystemBackend {
  version(): EngineVersion;
  info(): Promise<EngineInfo>;
  /** Subscribed when the call returns, so that no event is lost before the first `next`. Ends, without throwing, on `abort`. */
  events(range: EventRange, abort: AbortSignal): AsyncIterable<EventMessage>;
}
