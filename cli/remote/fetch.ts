/** Fetches what Remotes has noted. Loaded only when there is something. */
import type { RegistryClient } from '../../engine/registry/index.ts';
import { Cache, cacheRoot } from './cache.ts';
import { fetchGit } from './git.ts';
import type { Environment } from './git-command.ts';
import { fetchOci } from './oci.ts';
import { openRegistries } from './registries.ts';
import type { Fetch } from './remotes.ts';

export interface FetcherOptions {
  readonly env: Environment;
  readonly signal?: AbortSignal | undefined;
}

export interface Fetcher extends Disposable {
  readonly fetch: Fetch;
}

export function createFetcher({ env, signal }: FetcherOptions): Fetcher {
  const root = cacheRoot(env);
  const cache = new Cache(root);
  let client: RegistryClient | undefined;
  return {
    fetch: (reference) => {
      if (reference.kind === 'git') return fetchGit(reference, { cache, env, signal });
      client ??= openRegistries(env);
      return fetchOci(reference, { cache, client, signal });
    },
    [Symbol.dispose]: () => client?.close(),
  };
}
