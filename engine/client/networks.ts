import type {
  NetworkConnectRequest,
  NetworkCreated,
  NetworkCreateRequest,
  NetworkDisconnectRequest,
  NetworkInspect,
  NetworksPruned,
} from '../api/index.ts';
import { segment, type CallOptions, type Exchange } from './exchange.ts';
import { filtersQuery, type Filters } from './filters.ts';

export class Networks {
  readonly #exchange: Exchange;

  constructor(exchange: Exchange) {
    this.#exchange = exchange;
  }

  create(
    request: NetworkCreateRequest & { readonly Name: string },
    { signal }: CallOptions = {},
  ): Promise<NetworkCreated> {
    const path = '/networks/create';
    return this.#exchange.json({ method: 'POST', path, json: request, signal });
  }

  /** The `name` filter matches substrings: compare names afterwards. */
  list({ filters, signal }: CallOptions & { readonly filters?: Filters } = {}): Promise<
    readonly NetworkInspect[]
  > {
    const query = filtersQuery(filters);
    return this.#exchange.json({ method: 'GET', path: '/networks', query, signal });
  }

  inspect(ref: string, { signal }: CallOptions = {}): Promise<NetworkInspect> {
    return this.#exchange.json({ method: 'GET', path: `/networks/${segment(ref)}`, signal });
  }

  async connect(
    ref: string,
    request: NetworkConnectRequest,
    { signal }: CallOptions = {},
  ): Promise<void> {
    const path = `/networks/${segment(ref)}/connect`;
    await this.#exchange.done({ method: 'POST', path, json: request, signal });
  }

  async disconnect(
    ref: string,
    request: NetworkDisconnectRequest,
    { signal }: CallOptions = {},
  ): Promise<void> {
    const path = `/networks/${segment(ref)}/disconnect`;
    await this.#exchange.done({ method: 'POST', path, json: request, signal });
  }

  async remove(ref: string, { signal }: CallOptions = {}): Promise<void> {
    await this.#exchange.done({ method: 'DELETE', path: `/networks/${segment(ref)}`, signal });
  }

  prune({
    filters,
    signal,
  }: CallOptions & { readonly filters?: Filters } = {}): Promise<NetworksPruned> {
    const query = filtersQuery(filters);
    return this.#exchange.json({ method: 'POST', path: '/networks/prune', query, signal });
  }
}
