import type { Labels, StringMap } from './containers.ts';

/** Body of POST /volumes/create. */
export interface VolumeCreateRequest {
  readonly Name?: string;
  readonly Driver?: string;
  readonly DriverOpts?: StringMap;
  readonly Labels?: Labels;
}

export interface Volume {
  readonly Name: string;
  readonly Driver: string;
  readonly Mountpoint: string;
  readonly CreatedAt: string;
  readonly Labels: Labels | null;
  readonly Options: StringMap | null;
  readonly Scope: string;
}

/** Body of GET /volumes. */
export interface VolumeList {
  readonly Volumes: readonly Volume[];
  readonly Warnings: readonly string[] | null;
}
