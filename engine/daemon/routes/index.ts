/**
 * The Engine API's endpoints: parse, call one function, shape the answer. Each resource declares the slice of the
 * engine it needs as a backend interface; the composition root hands in what satisfies them.
 */
import type { Route } from '../server/index.ts';
import { containerResourceRoutes } from './container-resources.ts';
import type { ContainerResourceBackend } from './container-resources.ts';
import type { ContainerBackend } from './containers-backend.ts';
import { containerRoutes } from './containers.ts';
import { filesRoutes } from './files.ts';
import type { FilesBackend } from './files.ts';
import type { ImageBackend } from './images-backend.ts';
import { imageRoutes } from './images.ts';
import { interactionRoutes } from './interaction.ts';
import type { InteractionBackend } from './interaction.ts';
import type { NetworkBackend } from './networks-backend.ts';
import { networkRoutes } from './networks.ts';
import { pruneRoutes } from './prune.ts';
import type { PruneBackend } from './prune.ts';
import { stubRoutes } from './stubs.ts';
import type { SystemBackend } from './system-backend.ts';
import { systemRoutes } from './system.ts';
import type { VolumeBackend } from './volumes-backend.ts';
import { volumeRoutes } from './volumes.ts';

export type { ContainerResourceBackend } from './container-resources.ts';
export type * from './containers-backend.ts';
export type { FilesBackend, WriteArchiveRequest } from './files.ts';
export type * from './images-backend.ts';
export type { InteractionBackend } from './interaction.ts';
export type * from './networks-backend.ts';
export type { PruneBackend, PruneSelection } from './prune.ts';
export type * from './system-backend.ts';
export type * from './volumes-backend.ts';

export interface Backends {
  readonly containers: ContainerBackend;
  readonly resources: ContainerResourceBackend;
  readonly interaction: InteractionBackend;
  readonly files: FilesBackend;
  readonly images: ImageBackend;
  readonly networks: NetworkBackend;
  readonly volumes: VolumeBackend;
  readonly prune: PruneBackend;
  readonly system: SystemBackend;
}

export function createRoutes(backends: Backends): readonly Route[] {
  return [
    ...systemRoutes(backends.system),
    ...containerRoutes(backends),
    ...containerResourceRoutes(backends.resources),
    ...interactionRoutes(backends.interaction),
    ...filesRoutes(backends.files),
    ...imageRoutes(backends.images),
    ...networkRoutes(backends.networks),
    ...volumeRoutes(backends.volumes),
    ...pruneRoutes(backends.prune),
    ...stubRoutes(),
  ];
}
