import type { Fd } from '../../native/index.ts';

/** What one sandbox may resolve. */
export interface SandboxNames {
  /** Container id, at most 64 characters. */
  readonly id: string;
  /** Bound inside the sandbox, `tcp` listening. */
  readonly sockets: { readonly udp: Fd; readonly tcp: Fd };
  /** Names of these networks are answered; the first one that knows a name wins. */
  readonly networkIds: readonly string[];
  /** Asked in order for everything else, "10.0.0.1" or "10.0.0.1:5353"; none: unknown names do not exist. */
  readonly upstreams: readonly string[];
}

export interface NameEntry {
  /** Case does not matter. */
  readonly name: string;
  /** Several are returned in turn. The first entry that has an address is what a reverse query returns. */
  readonly addresses: readonly string[];
}

/** What a running resolver knows, so that an engine that has just started can compare. */
export interface ResolverState {
  readonly sandboxIds: readonly string[];
  readonly networkIds: readonly string[];
  readonly relayIds: readonly string[];
}

/** A published port that the process leads on itself. */
export interface Relay {
  /** At most 64 characters. */
  readonly id: string;
  readonly protocol: 'tcp' | 'udp';
  readonly target: { readonly address: string; readonly port: number };
}
