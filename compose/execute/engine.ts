import type {
  ContainerCreated,
  ContainerCreateRequest,
  ContainerInspect,
  EventMessage,
  ExecCreateRequest,
  NetworkCreated,
  NetworkCreateRequest,
  RestartPolicy,
  Volume,
  VolumeCreateRequest,
} from '../../engine/api/index.ts';
import type { InjectedFile } from '../plan/action.ts';
import type { Filters, ObservePort } from '../plan/observe.ts';

/** Bytes as they come. */
export type OnExecOutput = (stream: 'stdout' | 'stderr', bytes: Uint8Array) => void;

export interface CallOptions {
  readonly signal?: AbortSignal;
}

/** Events as they come; `opened` resolves once the engine has begun to listen for us. */
export interface EventStream extends AsyncIterable<EventMessage> {
  readonly opened: Promise<void>;
}

/** The engine calls an action may make; EngineClient satisfies it structurally. */
export interface EnginePort extends ObservePort {
  readonly containers: ObservePort['containers'] & {
    create(
      request: ContainerCreateRequest,
      options: CallOptions & { readonly name: string },
    ): Promise<ContainerCreated>;
    inspect(id: string, options?: CallOptions): Promise<ContainerInspect>;
    start(id: string, options?: CallOptions): Promise<void>;
    stop(id: string, options?: CallOptions & { readonly timeoutSeconds?: number }): Promise<void>;
    restart(
      id: string,
      options?: CallOptions & { readonly timeoutSeconds?: number },
    ): Promise<void>;
    kill(id: string, options?: CallOptions & { readonly killSignal?: string }): Promise<void>;
    pause(id: string, options?: CallOptions): Promise<void>;
    unpause(id: string, options?: CallOptions): Promise<void>;
    remove(
      id: string,
      options?: CallOptions & { readonly force?: boolean; readonly volumes?: boolean },
    ): Promise<void>;
    rename(id: string, name: string, options?: CallOptions): Promise<void>;
    update(
      id: string,
      request: { readonly RestartPolicy: RestartPolicy },
      options?: CallOptions,
    ): Promise<readonly string[]>;
    /** Resolves when it does not run any more. */
    wait(id: string, options?: CallOptions): Promise<{ readonly StatusCode: number }>;
    /** Line by line, until it has ended. */
    logs(
      id: string,
      options: CallOptions & { readonly follow: boolean },
    ): AsyncIterable<{ readonly stream: 'stdout' | 'stderr'; readonly text: string }>;
  };
  readonly archives: {
    writeFiles(id: string, files: readonly InjectedFile[], options?: CallOptions): Promise<void>;
  };
  readonly execs: {
    /** To its end, with standard input at its end already. */
    run(
      container: string,
      request: ExecCreateRequest,
      options: CallOptions & { readonly onOutput: OnExecOutput },
    ): Promise<{ readonly exitCode: number }>;
  };
  readonly networks: ObservePort['networks'] & {
    create(request: NetworkCreateRequest, options?: CallOptions): Promise<NetworkCreated>;
    remove(id: string, options?: CallOptions): Promise<void>;
  };
  readonly volumes: ObservePort['volumes'] & {
    create(request: VolumeCreateRequest, options?: CallOptions): Promise<Volume>;
    remove(name: string, options?: CallOptions): Promise<void>;
  };
  readonly images: ObservePort['images'] & {
    remove(reference: string, options?: CallOptions): Promise<unknown>;
  };
  events(
    options?: CallOptions & { readonly since?: string; readonly filters?: Filters },
  ): EventStream;
}
