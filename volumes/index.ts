/**
 * Named storage and what a mount request means: volumes with the driver "local", bind mounts, tmpfs. Belongs here:
 * volume records and their content, the canonical form of a mount. Does not belong here: the Engine API (the engine
 * translates), mounting itself (the shim does it).
 */
export { VolumeError } from './errors.ts';
export type { VolumeErrorCode, VolumeErrorOptions } from './errors.ts';
export type {
  BindMount,
  ImageMount,
  MountRequest,
  Owner,
  Propagation,
  ResolvedMount,
  TmpfsMount,
  Volume,
  VolumeMount,
  VolumeRequest,
} from './model.ts';
export { driverMount } from './driver-options.ts';
export type { CopyUpSource } from './copy-up.ts';
export { parseBind, parseMounts } from './mount.ts';
export type { MountSources, ObjectMount } from './mount.ts';
export { FileRecords, readVolumeRecord } from './records.ts';
export type { VolumeRecord, VolumeRecords } from './records.ts';
export { ownerMaps } from './owner-maps.ts';
export { resolveMount } from './resolve.ts';
export type { MountParts } from './resolve.ts';
export { VolumeStore } from './store.ts';
export type { RemoveVolumeOptions, VolumeStoreOptions } from './store.ts';
