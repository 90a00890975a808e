/**
 * The Engine API's endpoints: parse, call one function, shape the answer. Each resource declares the slice of the
 * engine it needs as a backend interface; the composition root hands in what satisfies them.
 */
import type { ContainerBackend } from './containers-backend.ts';
import type { ImageBackend } from './images-backend.ts';
import type { NetworkBackend } from './networks-backend.ts';
import type { SystemBackend } from './system-backend.ts';
import type { VolumeBackend } from './volumes-backend.ts';

export type * from './containers-backend.ts';
export type * from './images-backend.ts';
export type * from './networks-backend.ts';
export type * from './system-backend.ts';
export type * from './volumes-backend.ts';

export interface Backends {
  readonly containers: ContainerBackend;
  readonly images: ImageBackend;
  readonly networks: NetworkBackend;
  readonly volumes: VolumeBackend;
  readonly system: SystemBackend;
}
