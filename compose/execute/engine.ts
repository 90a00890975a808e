import type {
  ContainerCreated,
  ContainerCreateRequest,
  EventMessage,
  NetworkCreated,
  NetworkCreateRequest,
  Volume,
  VolumeCreateRequest,
} from '../../engine/api/index.ts';
import type { ObservePort } from '../plan/observe.ts';

export interface CallOptions {
  readonly signal?: AbortSignal | undefined;
}

/** The engine calls an action may make; EngineClient satisfies it structurally. */
export interface EnginePort extends ObservePort {
  readonly containers: ObservePort['containers'] & {
    create(
      request: ContainerCreateRequest,
      options: CallOptions & { readonly name: string },
    ): Promise<ContainerCreated>;
    start(id: string, options?: CallOptions): Promise<unknown>;
    stop(
      id: string,
      options?: CallOptions & { readonly timeoutSeconds?: number },
    ): Promise<unknown>;
    remove(
      id: string,
      options?: CallOptions & { readonly force?: boolean; readonly volumes?: boolean },
    ): Promise<unknown>;
    rename(id: string, name: string, options?: CallOptions): Promise<unknown>;
  };
  readonly networks: ObservePort['networks'] & {
    create(request: NetworkCreateRequest, options?: CallOptions): Promise<NetworkCreated>;
    remove(id: string, options?: CallOptions): Promise<unknown>;
  };
  readonly volumes: ObservePort['volumes'] & {
    create(request: VolumeCreateRequest, options?: CallOptions): Promise<Volume>;
    remove(name: string, options?: CallOptions): Promise<unknown>;
  };
  events(
    options?: CallOptions & {
      readonly since?: number | string;
      readonly filters?: Readonly<Record<string, readonly string[]>>;
    },
  ): AsyncIterable<EventMessage> | Promise<AsyncIterable<EventMessage>>;
}
