/**
 * What the verbs of a container need from the rest of the engine: the composition root hands in the real thing, and
 * each verb declares the slice it takes.
 */
import type { EndpointSettings, PortMap } from '../api/index.ts';
import type { ImageStore, Snapshots } from '../images/index.ts';
import type { KeyedLock } from '../lib/index.ts';
import type {
  Cgroups,
  ExitStatus,
  HostFacts,
  Runtimes,
  ShimExecs,
  TerminalSize,
} from '../runtime/index.ts';
import type { EventBus, Layout, RecordStore } from '../store/index.ts';
import type { Fd } from '../../native/index.ts';
import type { NetworkController } from '../../network/index.ts';
import type { VolumeStore } from '../../volumes/index.ts';
import type { ContainerRecord } from './container.ts';
import type { Containers } from './containers.ts';
import type { GivenStore } from './given/given-store.ts';

export interface ContainerContext {
  readonly layout: Pick<Layout, 'container' | 'sandbox' | 'runtimes'>;
  /** Who can make sandboxes beside our shim. */
  readonly runtimes: Pick<Runtimes, 'find' | 'list'>;
  readonly records: Pick<RecordStore<ContainerRecord>, 'put' | 'update' | 'delete'>;
  readonly containers: Containers;
  /** One holder per container id. */
  readonly locks: KeyedLock;
  readonly events: Pick<EventBus, 'publish'>;
  readonly log: Log;
  readonly images: Pick<ImageStore, 'resolve'>;
  readonly snapshots: Pick<
    Snapshots,
    'prepare' | 'remove' | 'view' | 'readFile' | 'usage' | 'lowerDirs'
  >;
  readonly volumes: Pick<
    VolumeStore,
    'create' | 'get' | 'isEmpty' | 'copyUp' | 'remove' | 'hold' | 'release'
  >;
  readonly given: Pick<GivenStore, 'put' | 'read' | 'has' | 'source' | 'remove' | 'isSwapless'>;
  readonly networks: Pick<
    NetworkController,
    | 'list'
    | 'openSandbox'
    | 'withdrawSandbox'
    | 'closeSandbox'
    | 'heldClosed'
    | 'sandbox'
    | 'connect'
    | 'disconnect'
  >;
  readonly cgroups: Pick<
    Cgroups,
    | 'check'
    | 'create'
    | 'facts'
    | 'freeze'
    | 'hybridMountPoint'
    | 'isCgroup2Only'
    | 'isFrozen'
    | 'kill'
    | 'path'
    | 'pids'
    | 'place'
    | 'placement'
    | 'remove'
    | 'removeOthers'
    | 'stats'
    | 'thaw'
    | 'update'
  >;
  readonly host: HostFacts;
}

/** For what nobody waits for an answer to. */
export interface Log {
  warn(message: string, fields?: Readonly<Record<string, unknown>>): void;
  error(message: string, fields?: Readonly<Record<string, unknown>>): void;
}

/** A container's shim as the verbs see it. */
export interface RunningProcess {
  /** Of the container's first process, in the engine's pid namespace; 0 while the shim is not responsive. */
  readonly containerPid: number;
  /** False after an engine's start, while somebody keeps the shim stopped: what is asked of it fails with `unavailable`. */
  readonly isResponsive: boolean;
  /** Resolves when it is responsive; false: it never was, and has ended. */
  readonly answers: Promise<boolean>;
  readonly exited: Promise<ExitStatus>;
  /** The shim itself has ended, and its mounts with it: this may be later, as unmounting an overlay syncs a disk. */
  readonly gone: Promise<void>;
  /** Further programs in the container. */
  readonly execs: Pick<ShimExecs, 'start' | 'signal' | 'resize' | 'forget' | 'known' | 'areServed'>;
  signal(signal: number): Promise<void>;
  /** Of the container's own terminal. */
  resize(size: TerminalSize): Promise<void>;
  /** A socket whose bytes become the container's input; the caller owns it. */
  openInput(): Promise<Fd>;
  /** Closes the input when what the sockets held has been read. */
  endInput(): Promise<void>;
  /** Lets go of a shim that goes on. */
  close(): void;
}

/** What a container is on its networks while it runs. */
export interface NetworkFacts {
  /** By network name. */
  readonly endpoints: Readonly<Record<string, EndpointSettings>>;
  readonly ports: PortMap;
  /** Path of the network namespace; empty on the host's network. */
  readonly sandboxKey: string;
}
