import { EngineError, type NetworkInspect } from '../../api/index.ts';
import {
  flagFilter,
  invalidFilter,
  json,
  matchesAny,
  matchesLabels,
  noContent,
  ok,
  type Filters,
  type Route,
} from '../server/index.ts';
import {
  networkConnectRequest,
  networkCreateRequest,
  networkDisconnectRequest,
} from './network-decoder.ts';
import type { NetworkBackend } from './networks-backend.ts';

const filterKeys: ReadonlySet<string> = new Set([
  'dangling',
  'driver',
  'id',
  'label',
  'name',
  'scope',
  'type',
]);
const predefined: ReadonlySet<string> = new Set(['bridge', 'host', 'none']);

export function networkRoutes(networks: NetworkBackend): readonly Route[] {
  return [
    {
      method: 'GET',
      path: '/networks',
      handle: async ({ query }) => {
        const selected = selectNetworks(await networks.list(), query.filters(filterKeys));
        // Only inspect names the containers, as in dockerd.
        return json(selected.map((network) => ({ ...network, Containers: {} })));
      },
    },
    {
      method: 'POST',
      path: '/networks/create',
      handle: async (request) => {
        const body = await request.json(networkCreateRequest);
        if ((body.Name ?? '').trim() === '') {
          throw new EngineError('invalid-argument', 'network name cannot be empty');
        }
        return json(await networks.create(body, request.abort), 201);
      },
    },
    {
      method: 'GET',
      path: '/networks/{id}',
      handle: async ({ parameter }) => json(await networks.inspect(parameter('id'))),
    },
    {
      method: 'DELETE',
      path: '/networks/{id}',
      handle: async ({ parameter }) => {
        await networks.remove(parameter('id'));
        return noContent();
      },
    },
    {
      method: 'POST',
      path: '/networks/{id}/connect',
      handle: async (request) => {
        const body = await request.json(networkConnectRequest);
        await networks.connect(request.parameter('id'), body);
        return ok();
      },
    },
    {
      method: 'POST',
      path: '/networks/{id}/disconnect',
      handle: async (request) => {
        const body = await request.json(networkDisconnectRequest);
        await networks.disconnect(request.parameter('id'), body);
        return ok();
      },
    },
  ];
}

/** `name` matches substrings: clients that mean one network compare names themselves. */
export function selectNetworks(
  networks: readonly NetworkInspect[],
  filters: Filters,
): readonly NetworkInspect[] {
  const isDangling = flagFilter(filters, 'dangling');
  for (const type of filters.get('type') ?? []) {
    if (type !== 'builtin' && type !== 'custom') throw invalidFilter(`type=${type}`);
  }
  return networks.filter((network) => {
    const isBuiltIn = predefined.has(network.Name);
    const isUnused = !isBuiltIn && Object.keys(network.Containers).length === 0;
    return (
      matchesAny(filters, 'name', (name) => network.Name.includes(name)) &&
      matchesAny(filters, 'id', (prefix) => network.Id.startsWith(prefix)) &&
      matchesAny(filters, 'driver', (driver) => network.Driver === driver) &&
      matchesAny(filters, 'scope', (scope) => network.Scope === scope) &&
      matchesAny(filters, 'type', (type) => (type === 'builtin') === isBuiltIn) &&
      matchesLabels(filters, network.Labels) &&
      (isDangling === null || isDangling === isUnused)
    );
  });
}
