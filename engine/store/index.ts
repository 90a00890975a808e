/**
 * What the engine remembers and where: records, paths, events. Belongs here: durability and layout. Does not belong
 * here: what a container, image or network is; each owner brings the type of its records.
 */
export { readBootId } from './boot-id.ts';
export { EventBus } from './events.ts';
export type { EventDescription, SubscribeOptions, Subscription } from './events.ts';
export {
  checkRoots,
  createLayout,
  defaultRunRoot,
  defaultStateRoot,
  longestRunRoot,
  prepareLayout,
} from './layout.ts';
export type { ContainerPaths, Layout, Roots, SandboxPathsOnHost } from './layout.ts';
export type { JsonObject } from './record-file.ts';
export { RecordStore } from './records.ts';
export type { OpenedStore, QuarantinedRecord, RecordStoreOptions } from './records.ts';
