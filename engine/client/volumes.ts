import type { Volume, VolumeCreateRequest, VolumeList, VolumesPruned } from '../api/index.ts';
import { segment, type CallOptions, type Exchange } from './exchange.ts';
import { filtersQuery, type Filters } from './filters.ts';

export class Volumes {
  readonly #exchange: Exchange;

  constructor(exchange: Exchange) {
    this.#exchange = exchange;
  }

  create(request: VolumeCreateRequest, { signal }: CallOptions = {}): Promise<Volume> {
    const path = '/volumes/create';
    return this.#exchange.json({ method: 'POST', path, json: request, signal });
  }

  /** The `name` filter matches substrings: compare names afterwards. */
  async list({ filters, signal }: CallOptions & { readonly filters?: Filters } = {}): Promise<
    readonly Volume[]
  > {
    const query = filtersQuery(filters);
    const request = { method: 'GET', path: '/volumes', query, signal } as const;
    // dockerd answers null instead of an empty list.
    const { Volumes } = await this.#exchange.json<Partial<VolumeList>>(request);
    return Volumes ?? [];
  }

  inspect(name: string, { signal }: CallOptions = {}): Promise<Volume> {
    return this.#exchange.json({ method: 'GET', path: `/volumes/${segment(name)}`, signal });
  }

  async remove(
    name: string,
    { force, signal }: CallOptions & { readonly force?: boolean } = {},
  ): Promise<void> {
    const path = `/volumes/${segment(name)}`;
    await this.#exchange.done({ method: 'DELETE', path, query: { force }, signal });
  }

  /** Anonymous ones that nothing uses; `{all: ['true']}` takes those with a name as well. */
  prune({
    filters,
    signal,
  }: CallOptions & { readonly filters?: Filters } = {}): Promise<VolumesPruned> {
    const query = filtersQuery(filters);
    return this.#exchange.json({ method: 'POST', path: '/volumes/prune', query, signal });
  }
}
