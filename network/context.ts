/** The ports through which this area reaches its records, the kernel and the resolver; fakes stand in for each. */
import {
  closeFd,
  createNetworkNamespace,
  nameNetworkNamespace,
  netlinkExchange,
  openNamespace,
  openSocket,
  readSysctl,
  removeNetworkNamespace,
  writeSysctl,
} from '../native/index.ts';
import type { Fd } from '../native/index.ts';
import type { ProxyOptions } from './ports/proxy.ts';
import type { HostForwarding, Network, Sandbox } from './model.ts';

/** Every record in memory, written before the effect it announces. `RecordStore` of the engine is one. */
export interface Records<T> {
  values(): readonly T[];
  put(key: string, value: T): Promise<void>;
  delete(key: string): Promise<unknown>;
}

export interface NetworkRecords {
  /** Outlive a reboot. */
  readonly networks: Records<Network>;
  /** Void after a reboot, as the kernel objects they speak of are gone. */
  readonly sandboxes: Records<Sandbox>;
  /** Void after a reboot. */
  readonly forwarding: Records<HostForwarding>;
}

/** Answers DNS for sandboxes at sockets that were made inside them; outlives the engine. */
export interface ResolverPort {
  /** The sockets stay the caller's, who closes them afterwards. */
  addSandbox(sandbox: ResolvedSandbox): Promise<void>;
  /** Changes the networks or upstreams of one that is known; its sockets go on serving. */
  updateSandbox(sandbox: Omit<ResolvedSandbox, 'sockets'>): Promise<void>;
  removeSandbox(id: string): Promise<void>;
  /** The names of a network, all of them: what is not among `entries` is not known any more. */
  setNames(networkId: string, entries: readonly NameEntry[]): Promise<void>;
  removeNetwork(id: string): Promise<void>;
  list(): Promise<ResolverState>;
}

/** What it serves: more than the engine knows of after an engine was killed. */
export interface ResolverState {
  readonly sandboxIds: readonly string[];
  readonly networkIds: readonly string[];
}

export interface ResolvedSandbox {
  readonly id: string;
  readonly sockets: { readonly udp: Fd; readonly tcp: Fd };
  readonly networkIds: readonly string[];
  /** Empty: unknown names are not asked for elsewhere. */
  readonly upstreams: readonly string[];
}

export interface NameEntry {
  /** Lower case. */
  readonly name: string;
  readonly addresses: readonly string[];
}

/** The system calls of this area. */
export interface Kernel {
  readonly openSocket: typeof openSocket;
  readonly closeFd: typeof closeFd;
  readonly netlinkExchange: typeof netlinkExchange;
  readonly createNetworkNamespace: typeof createNetworkNamespace;
  readonly nameNetworkNamespace: typeof nameNetworkNamespace;
  readonly openNamespace: typeof openNamespace;
  readonly removeNetworkNamespace: typeof removeNetworkNamespace;
  readonly readSysctl: typeof readSysctl;
  readonly writeSysctl: typeof writeSysctl;
}

export const nativeKernel: Kernel = {
  openSocket,
  closeFd,
  netlinkExchange,
  createNetworkNamespace,
  nameNetworkNamespace,
  openNamespace,
  removeNetworkNamespace,
  readSysctl,
  writeSysctl,
};

export interface NetworkOptions {
  /** Names the nftables table and the link groups of this engine; two on one host never share one. */
  readonly instance: string;
  /** Directory of the namespaces' bind mounts; exists. */
  readonly namespaces: string;
  readonly records: NetworkRecords;
  readonly resolver: ResolverPort;
  /** Five random bytes that stay the same, for IPv6 subnets that are nobody else's (RFC 4193, 3.2.2). */
  readonly globalId: () => Promise<Uint8Array>;
  /** What goes on without being an error: a foreign firewall that may drop, a sysctl that cannot be written. */
  readonly warn: (message: string, fields?: Readonly<Record<string, string | number>>) => void;
  readonly kernel?: Kernel;
  /** Missing: nothing is published on IPv6 addresses but for sandboxes that have IPv6, and never on [::1]. */
  readonly proxy?: ProxyOptions;
  /** Keeps the namespace of the next sandbox ready, so that its start need not wait for the kernel. */
  readonly keepsSpare?: boolean;
}
