import type {
  NetworkConnectRequest,
  NetworkCreated,
  NetworkCreateRequest,
  NetworkDisconnectRequest,
  NetworkInspect,
} from '../../api/index.ts';

/** What the network routes need. `ref` is an id, a name, or an unambiguous id prefix. */
export interface NetworkBackend {
  create(request: NetworkCreateRequest, abort: AbortSignal): Promise<NetworkCreated>;
  /** `Containers` filled in: the list shows it to nobody but its `dangling` filter. */
  list(): Promise<readonly NetworkInspect[]>;
  /** Throws `not-found` with `network ref not found`. */
  inspect(ref: string): Promise<NetworkInspect>;
  remove(ref: string): Promise<void>;
  connect(ref: string, request: NetworkConnectRequest): Promise<void>;
  disconnect(ref: string, request: NetworkDisconnectRequest): Promise<void>;
}
