/**
 * A typed client of the Docker Engine API, ours and others: one method per call, promises, async iterables, an
 * AbortSignal everywhere. Belongs here: HTTP, addresses, streams as bytes and values. Does not belong here: policy, such
 * as which engine to use or what to do about a failure.
 */
export { formatAddress, parseAddress, type EngineAddress } from './address.ts';
export type { Archives, CommitOptions, WriteArchiveOptions } from './archives.ts';
export { EngineClient, type EngineClientOptions } from './client.ts';
export type {
  AttachContainerOptions,
  Containers,
  ContainerWait,
  CreateContainerOptions,
  KillContainerOptions,
  ListContainersOptions,
  RemoveContainerOptions,
  StopContainerOptions,
  WaitContainerOptions,
} from './containers.ts';
export type { CallOptions } from './exchange.ts';
export type { Execs, WindowSize } from './execs.ts';
export type { Filters } from './filters.ts';
export type { Images, ImportImageOptions, ProgressOptions } from './images.ts';
export type { LogLine, LogsOptions, LogStream } from './logs.ts';
export type { Networks } from './networks.ts';
export type { EventsOptions, EventStream } from './system.ts';
export type { UpgradedConnection } from './upgrade.ts';
export type { Volumes } from './volumes.ts';
/** What archives are made of, for those who have files at their own end. */
export {
  type ByteString,
  encodeTarHeader,
  paddingOf,
  printable,
  readTar,
  type TarEntry,
  tarEnd,
  TarError,
} from '../lib/index.ts';
