import type { Volume, VolumeCreateRequest } from '../../api/index.ts';

export interface VolumeListItem {
  readonly volume: Volume;
  /** Some container, running or not, mounts it. */
  readonly isUsed: boolean;
}

/** What the volume routes need. */
export interface VolumeBackend {
  /** Without a name: an anonymous one of 64 hex digits. An existing one of the same driver is returned as it is. */
  create(request: VolumeCreateRequest, abort: AbortSignal): Promise<Volume>;
  list(): Promise<readonly VolumeListItem[]>;
  /** Throws `not-found` with `get name: no such volume`. */
  inspect(name: string): Promise<Volume>;
  /** Throws `conflict` with `remove name: volume is in use - [ids]`; `force` forgives only a missing one. */
  remove(name: string, options: { readonly force: boolean }): Promise<void>;
}
