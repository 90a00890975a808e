import type { ContainerStatus } from '../../engine/api/index.ts';

export type Health = 'none' | 'starting' | 'healthy' | 'unhealthy';

export interface ObservedContainer {
  readonly id: string;
  readonly name: string;
  readonly service: string | null;
  /** Which replica; 0 where the label is missing. */
  readonly number: number;
  readonly isOneOff: boolean;
  readonly configHash: string | null;
  readonly imageId: string;
  readonly status: ContainerStatus;
  readonly health: Health;
  /** Only for what has exited. */
  readonly exitCode: number | null;
  readonly labels: Readonly<Record<string, string>>;
  /** Names of the networks it is on. */
  readonly networks: readonly string[];
  /** Names of the volumes it mounts; anonymous ones are 64 hexadecimal digits. */
  readonly volumes: readonly string[];
  /** Where it mounts them: target → name. */
  readonly volumeAt: Readonly<Record<string, string>>;
}

export interface ObservedResource {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
}

/** What exists now, as plain data, read once. */
export interface Observed {
  readonly projectName: string;
  /** Containers of this project only, sorted by name. */
  readonly containers: readonly ObservedContainer[];
  /** All of the engine's, so that a clash of names and an external one are seen. */
  readonly networks: readonly ObservedResource[];
  readonly volumes: readonly ObservedResource[];
  /** Every name an image answers to (tags, digests, ids) → its id. */
  readonly images: ReadonlyMap<string, string>;
  /** Docker or the like: files that are given to containers become a part of them there, and keep their owners. */
  readonly isOtherEngine?: boolean;
  /** Seconds since the epoch just before reading: events since then are news. */
  readonly readAt: number;
}
