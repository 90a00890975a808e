/** Which names each network has, told to the resolver as a whole whenever they change. */
import { Batch } from '../engine/lib/index.ts';
import type { NameEntry, ResolverPort } from './context.ts';
import type { Endpoint, Sandbox } from './model.ts';
import { addressesOf } from './way-out.ts';

export class NameBook {
  readonly #resolver: Pick<ResolverPort, 'setNames' | 'removeNetwork'>;
  readonly #pages = new Map<string, Page>();

  constructor(resolver: Pick<ResolverPort, 'setNames' | 'removeNetwork'>) {
    this.#resolver = resolver;
  }

  /** Names are known with and without the network's own name behind them, as Docker has it. */
  addNetwork(id: string, name: string): void {
    const endpoints = new Map<string, Endpoint>();
    const suffix = name.toLowerCase();
    const update = new Batch<null, null>(async (requests) => {
      await this.#resolver.setNames(id, entriesOf(endpoints.values(), suffix));
      return requests.map(() => null);
    });
    this.#pages.set(id, { endpoints, update });
  }

  async removeNetwork(id: string): Promise<void> {
    if (this.#pages.delete(id)) await this.#resolver.removeNetwork(id);
  }

  async add(sandboxes: readonly Sandbox[]): Promise<void> {
    await this.#change(sandboxes, (page, sandbox, endpoint) => {
      page.endpoints.set(sandbox.id, endpoint);
    });
  }

  async remove(sandboxes: readonly Sandbox[]): Promise<void> {
    await this.#change(sandboxes, (page, sandbox) => page.endpoints.delete(sandbox.id));
  }

  async #change(
    sandboxes: readonly Sandbox[],
    change: (page: Page, sandbox: Sandbox, endpoint: Endpoint) => void,
  ): Promise<void> {
    const touched = new Set<Page>();
    for (const sandbox of sandboxes) {
      for (const endpoint of sandbox.endpoints) {
        const page = this.#pages.get(endpoint.networkId);
        if (page === undefined) continue;
        change(page, sandbox, endpoint);
        touched.add(page);
      }
    }
    await Promise.all(Array.from(touched, ({ update }) => update.add(null)));
  }
}

interface Page {
  /** By sandbox. */
  readonly endpoints: Map<string, Endpoint>;
  readonly update: Batch<null, null>;
}

/** The whole name is first: it is what the address is called, as Docker has it. */
export function entriesOf(endpoints: Iterable<Endpoint>, suffix: string): readonly NameEntry[] {
  const addresses = new Map<string, string[]>();
  for (const endpoint of endpoints) {
    const own = addressesOf(endpoint).map(({ address }) => address);
    for (const name of endpoint.names.flatMap((short) => [`${short}.${suffix}`, short])) {
      const known = addresses.get(name);
      if (known === undefined) addresses.set(name, [...own]);
      else known.push(...own);
    }
  }
  return Array.from(addresses, ([name, list]) => ({ name, addresses: list }));
}
