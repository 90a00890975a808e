import type {
  ContainerCreateRequest,
  NetworkCreateRequest,
  VolumeCreateRequest,
} from '../../engine/api/index.ts';
import type { Hook } from '../model/develop.ts';

/** One entry per engine call the executor may make. Adding a key here is the only way to add an action. */
export interface ActionArgs {
  createNetwork: {
    readonly name: string;
    readonly key: string;
    readonly body: NetworkCreateRequest;
  };
  createVolume: { readonly name: string; readonly key: string; readonly body: VolumeCreateRequest };
  createContainer: ContainerTarget & {
    readonly body: ContainerCreateRequest;
    /** Name of the container it takes the place of; it is created under another until that is gone. */
    readonly replaces?: string;
  };
  /** Into a container that does not run. */
  writeFiles: ContainerTarget & { readonly files: readonly InjectedFile[] };
  startContainer: ContainerTarget;
  /** An init container, from its start to its end. */
  runInit: ContainerTarget & {
    /** The container that waits for it. */
    readonly owner: string;
    /** Where it is asked for. */
    readonly path: readonly (string | number)[];
  };
  /** A command of the service's, inside its running container. */
  runHook: ContainerTarget & { readonly hook: Hook };
  /** Grace in whole seconds; null is the container's own. */
  stopContainer: ContainerTarget & {
    readonly timeoutSeconds: number | null;
    readonly isReplaced?: boolean;
  };
  removeContainer: ContainerTarget & {
    readonly withVolumes: boolean;
    readonly isReplaced?: boolean;
  };
  renameContainer: ContainerTarget & {
    readonly newName: string;
    /** It is set aside for its successor, and the engine does not restart it any more. */
    readonly isReplaced?: boolean;
    /** It was set aside, and is restarted again as before. */
    readonly isRestored?: boolean;
  };
  restartContainer: ContainerTarget & { readonly timeoutSeconds: number | null };
  killContainer: ContainerTarget & { readonly signal: string };
  pauseContainer: ContainerTarget;
  unpauseContainer: ContainerTarget;
  removeNetwork: { readonly name: string };
  removeVolume: { readonly name: string };
  removeImage: { readonly name: string };
}

/** A file whose content is not on the host. */
export interface InjectedFile {
  readonly path: string;
  readonly content: string | Uint8Array;
  readonly uid: number;
  readonly gid: number;
  readonly mode: number;
  /** Where an engine of ours may keep it for further starts. */
  readonly keeping: 'memory' | 'disk';
}

export interface ContainerTarget {
  readonly name: string;
  /** null for a container that no service describes any more. */
  readonly service: string | null;
  /** What to address it by: its id where it exists, its name where this plan creates it. */
  readonly ref: string;
}

export type ActionKind = keyof ActionArgs;
export type Action = {
  [K in ActionKind]: {
    readonly kind: K;
    /** Why: "no container", "configuration changed". */
    readonly cause: string;
  } & ActionArgs[K];
}[ActionKind];
export type ActionOf<K extends ActionKind> = Extract<Action, { kind: K }>;
