/**
 * Images and their file trees: the content store, names, load and import, layers unpacked into snapshots, the root
 * mounts of a container, the built-in host image. Belongs here: what an image is and how it gets onto the disk. Does
 * not belong here: containers (they call down), the kernel (native), HTTP (routes shape what this returns).
 */
export type {
  ArchiveLimits,
  Descriptor,
  Digest,
  HealthcheckConfig,
  HistoryEntry,
  HostParts,
  Image,
  ImageDocument,
  RunConfig,
  SnapshotMount,
} from './model.ts';
export type { CommitOptions } from './commit.ts';
export type { ImportOptions } from './import.ts';
export { ImageStore } from './images.ts';
export type { ImageStoreOptions } from './images.ts';
export { hostImageName } from './host-image.ts';
export type { HostOptions } from './host-image.ts';
export type { LoadedImage } from './load.ts';
export { defaultLimits } from './model.ts';
export type { Problem } from './catalog.ts';
export type { RemoveOptions } from './remove.ts';
export { Snapshots } from './snapshots.ts';
export type { PreparedSnapshot, SnapshotsOptions } from './snapshots.ts';
export { decompress } from './decompress.ts';
export { readChunks, setSize, writePiece } from './descriptor-io.ts';
export { joinPath, refuse, splitName } from './entry-name.ts';
export { describeFailure } from './failure.ts';
export { isOverlayAttribute, statOrNull, toBytes } from './lower.ts';
