import type { ContainerSummary } from './containers.ts';
import type { ImageDeleted, ImageSummary } from './images.ts';
import type { Volume } from './volumes.ts';

/** Answers of POST /containers/prune and its like; nothing removed is null, sizes are bytes. */
export interface ContainersPruned {
  readonly ContainersDeleted: readonly string[] | null;
  readonly SpaceReclaimed: number;
}
export interface ImagesPruned {
  readonly ImagesDeleted: readonly ImageDeleted[] | null;
  readonly SpaceReclaimed: number;
}
export interface NetworksPruned {
  readonly NetworksDeleted: readonly string[] | null;
}
export interface VolumesPruned {
  readonly VolumesDeleted: readonly string[] | null;
  readonly SpaceReclaimed: number;
}

export interface BuildCachePruned {
  readonly CachesDeleted: readonly string[] | null;
  readonly SpaceReclaimed: number;
}

/** A volume with what it takes: -1 where that is not known. */
export interface MeasuredVolume extends Volume {
  readonly UsageData: { readonly Size: number; readonly RefCount: number };
}

/** One step of a build that a later one may go on from. */
export interface BuildCacheEntry {
  readonly ID: string;
  readonly Type: string;
  readonly Description: string;
  readonly InUse: boolean;
  readonly Shared: boolean;
  readonly Size: number;
  readonly CreatedAt: string;
  readonly LastUsedAt: string | null;
  readonly UsageCount: number;
}

/** Body of GET /system/df. A kind that was not asked for is null. */
export interface DiskUsage {
  /** Of all layers, each once. */
  readonly LayersSize: number;
  readonly Images: readonly ImageSummary[] | null;
  readonly Containers: readonly ContainerSummary[] | null;
  readonly Volumes: readonly MeasuredVolume[] | null;
  readonly BuildCache: readonly BuildCacheEntry[] | null;
}
