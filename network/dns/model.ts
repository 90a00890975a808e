import type { Fd } from '../../native/index.ts';

/** What one sandbox may resolve. `addSandbox` with an id that exists replaces everything but its sockets. */
export interface SandboxNames {
  /** Container id, 1 to 64 characters of [0-9a-zA-Z_.-]. */
  readonly id: string;
  /** Bound inside the sandbox; `tcp` listens. They stay the caller's, who may close them afterwards. */
  readonly sockets: { readonly udp: Fd; readonly tcp: Fd };
  /** Names of these networks are answered, the first network that knows a name wins. */
  readonly networkIds: readonly string[];
  /** Domains below which an unknown name is ours to deny and is never forwarded. */
  readonly searchDomains?: readonly string[];
  /** Addresses asked in order for everything else, "10.0.0.1" or "10.0.0.1:5353"; none: unknown names do not exist. */
  readonly upstreams: readonly string[];
}

export interface NameEntry {
  /** Case does not matter. */
  readonly name: string;
  /** IPv4; several are returned in turn. */
  readonly addresses: readonly string[];
}

/** What a running resolver knows, so that an engine that has just started can compare. */
export interface ResolverState {
  readonly sandboxIds: readonly string[];
  readonly networkIds: readonly string[];
}
