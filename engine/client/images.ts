import {
  EngineError,
  type ImageDeleted,
  type ImageInspect,
  type ImagesPruned,
  type ImageSummary,
  type ProgressMessage,
} from '../api/index.ts';
import { imageSegment, type CallOptions, type Exchange } from './exchange.ts';
import { filtersQuery, type Filters } from './filters.ts';
import { jsonLines } from './json-lines.ts';

export interface ProgressOptions extends CallOptions {
  readonly onProgress?: (message: ProgressMessage) => void;
}
export interface ImportImageOptions extends ProgressOptions {
  /** `name[:tag]`; absent: an image without a name. */
  readonly reference?: string;
  /** Dockerfile instructions: `CMD ["sh"]`. */
  readonly changes?: readonly string[];
  readonly message?: string;
  readonly platform?: string;
}

const loadedPrefix = /^Loaded image(?: ID)?: (.+)\n?$/;

export class Images {
  readonly #exchange: Exchange;

  constructor(exchange: Exchange) {
    this.#exchange = exchange;
  }

  list({
    all,
    filters,
    signal,
  }: CallOptions & { readonly all?: boolean; readonly filters?: Filters } = {}): Promise<
    readonly ImageSummary[]
  > {
    const query = { all, ...filtersQuery(filters) };
    return this.#exchange.json({ method: 'GET', path: '/images/json', query, signal });
  }

  inspect(reference: string, { signal }: CallOptions = {}): Promise<ImageInspect> {
    const path = `/images/${imageSegment(reference)}/json`;
    return this.#exchange.json({ method: 'GET', path, signal });
  }

  /** Resolves to what was loaded: references, or ids of images without one. */
  async load(
    archive: AsyncIterable<Uint8Array>,
    { onProgress, signal }: ProgressOptions = {},
  ): Promise<readonly string[]> {
    const response = await this.#exchange.send({
      method: 'POST',
      path: '/images/load',
      query: { quiet: onProgress === undefined },
      stream: archive,
      signal,
    });
    const loaded: string[] = [];
    for await (const message of progress(response.body)) {
      onProgress?.(message);
      const name = loadedPrefix.exec(message.stream ?? '')?.[1];
      if (name !== undefined) loaded.push(name);
    }
    return loaded;
  }

  /** Makes an image of one layer from a file tree's tar; resolves to its id. */
  async import(
    archive: AsyncIterable<Uint8Array>,
    { reference, changes, message, platform, onProgress, signal }: ImportImageOptions = {},
  ): Promise<string> {
    const response = await this.#exchange.send({
      method: 'POST',
      path: '/images/create',
      query: { fromSrc: '-', repo: reference, changes, message, platform },
      stream: archive,
      signal,
    });
    let id = '';
    for await (const line of progress(response.body)) {
      onProgress?.(line);
      if (line.status?.startsWith('sha256:') === true) id = line.status;
    }
    if (id === '') throw new EngineError('internal', 'the engine did not name the imported image');
    return id;
  }

  async pull(
    reference: string,
    {
      platform,
      onProgress,
      signal,
    }: ProgressOptions & {
      readonly platform?: string;
    } = {},
  ): Promise<void> {
    const query = { fromImage: reference, platform };
    const request = { method: 'POST', path: '/images/create', query, signal } as const;
    const response = await this.#exchange.send(request);
    for await (const message of progress(response.body)) onProgress?.(message);
  }

  async tag(
    reference: string,
    target: { readonly repo: string; readonly tag?: string },
    { signal }: CallOptions = {},
  ): Promise<void> {
    const path = `/images/${imageSegment(reference)}/tag`;
    await this.#exchange.done({ method: 'POST', path, query: { ...target }, signal });
  }

  remove(
    reference: string,
    {
      force,
      noPrune,
      signal,
    }: CallOptions & { readonly force?: boolean; readonly noPrune?: boolean } = {},
  ): Promise<readonly ImageDeleted[]> {
    const path = `/images/${imageSegment(reference)}`;
    const query = { force, noprune: noPrune };
    return this.#exchange.json({ method: 'DELETE', path, query, signal });
  }

  /** Those without a name; `{dangling: ['false']}` takes all that no container uses. */
  prune({
    filters,
    signal,
  }: CallOptions & { readonly filters?: Filters } = {}): Promise<ImagesPruned> {
    const query = filtersQuery(filters);
    return this.#exchange.json({ method: 'POST', path: '/images/prune', query, signal });
  }
}

/** A failure after the first byte travels in the stream with status 200. */
async function* progress(body: AsyncIterable<Uint8Array>): AsyncGenerator<ProgressMessage> {
  for await (const message of jsonLines<ProgressMessage>(body)) {
    const failure = message.errorDetail?.message ?? message.error;
    if (failure !== undefined) throw new EngineError('internal', failure);
    yield message;
  }
}
