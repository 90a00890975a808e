/** From a container's record to what its network sandbox is to be, and from the sandbox to what the API shows. */
import { EngineError } from '../api/index.ts';
import type { ContainerConfig, EndpointSettings, HostConfig, PortMap } from '../api/index.ts';
import { resolvePrefix, shortId } from '../lib/index.ts';
import type {
  Endpoint,
  EndpointRequest,
  Network,
  PortBinding,
  PortRequest,
  Protocol,
  SandboxHandle,
  SandboxRequest,
} from '../../network/index.ts';
import type { ContainerRecord } from './container.ts';
import type { NetworkFacts } from './context.ts';
import { endpointOptions } from './endpoint-options.ts';
import { sharedWith } from './joined.ts';

/** Id, exact name, unambiguous id prefix, as Docker looks networks up. */
export function findNetwork(networks: readonly Network[], ref: string): Network {
  const exact = networks.find(({ id }) => id === ref) ?? networks.find(({ name }) => name === ref);
  if (exact !== undefined) return exact;
  const match = resolvePrefix(
    networks.map(({ id }) => id),
    ref,
  );
  const found = match.kind === 'found' ? networks.find(({ id }) => id === match.id) : undefined;
  if (found !== undefined) return found;
  if (match.kind === 'ambiguous') {
    throw new EngineError(
      'invalid-argument',
      `network ${ref} is ambiguous (${match.ids.length} matches found on name)`,
    );
  }
  throw new EngineError('not-found', `network ${ref} not found`, { details: { network: ref } });
}

/** null: the container has the host's network, or another container's, and no sandbox. */
export function sandboxRequest(
  record: ContainerRecord,
  networks: readonly Network[],
): SandboxRequest | null {
  const { hostConfig, config } = record;
  if (hostConfig.NetworkMode === 'host' || sharedWith(hostConfig.NetworkMode) !== null) return null;
  const isApart = hostConfig.NetworkMode === 'none' || config.NetworkDisabled === true;
  return {
    id: record.id,
    name: record.name,
    hostname: config.Hostname ?? shortId(record.id),
    domainname: config.Domainname ?? '',
    endpoints: isApart ? [] : orderedEndpoints(record, networks),
    ports: isApart ? [] : portRequests(hostConfig, config),
    extraHosts: hostConfig.ExtraHosts ?? [],
    dns: {
      nameservers: hostConfig.Dns ?? [],
      search: hostConfig.DnsSearch ?? [],
      options: hostConfig.DnsOptions ?? [],
    },
  };
}

/** The network of NetworkMode is eth0, the others follow by name, as libnetwork orders equal priorities. */
function orderedEndpoints(
  record: ContainerRecord,
  networks: readonly Network[],
): readonly EndpointRequest[] {
  const main = record.hostConfig.NetworkMode;
  const entries = Object.entries(record.endpoints).sort(([a, x], [b, y]) => {
    const byPriority = (y.GwPriority ?? 0) - (x.GwPriority ?? 0);
    if (byPriority !== 0) return byPriority;
    if (a === main || b === main) return a === main ? -1 : 1;
    return a < b ? -1 : 1;
  });
  return entries.map(([name, settings]) =>
    endpointRequest(findNetwork(networks, name), settings, record),
  );
}

function endpointRequest(
  network: Network,
  settings: EndpointSettings,
  record: ContainerRecord,
): EndpointRequest {
  const { IPv4Address: ipv4Address = '', IPv6Address: ipv6Address = '' } =
    settings.IPAMConfig ?? {};
  const mac = settings.MacAddress ?? '';
  // Names do not resolve on the default bridge, as in Docker.
  const aliases =
    network.name === 'bridge' ? [] : [...(settings.Aliases ?? []), shortId(record.id)];
  return {
    networkId: network.id,
    aliases,
    ...(ipv4Address !== '' && { ipv4Address }),
    ...(ipv6Address !== '' && { ipv6Address }),
    ...(mac !== '' && { macAddress: mac }),
    ...(settings.GwPriority !== undefined && { gatewayPriority: settings.GwPriority }),
    ...(settings.IPAMConfig?.LinkLocalIPs !== undefined && {
      linkLocalAddresses: settings.IPAMConfig.LinkLocalIPs,
    }),
    ...endpointOptions(settings.DriverOpts ?? {}),
  };
}

export function portRequests(host: HostConfig, config: ContainerConfig): readonly PortRequest[] {
  const asked = Object.entries(host.PortBindings ?? {}).flatMap(([key, bindings]) =>
    (bindings ?? []).map((binding) => ({
      ...parsePort(key),
      hostIp: binding.HostIp ?? '',
      ...parsePublished(binding.HostPort ?? ''),
    })),
  );
  if (host.PublishAllPorts !== true) return asked;
  const isAsked = (key: string): boolean => (host.PortBindings?.[key] ?? []).length > 0;
  const exposed = Object.keys(config.ExposedPorts ?? {}).filter((key) => !isAsked(key));
  return [...asked, ...exposed.map((key) => ({ ...parsePort(key), hostIp: '', published: 0 }))];
}

/** `80/tcp`, `53/udp`, `80`. */
function parsePort(key: string): { readonly protocol: Protocol; readonly target: number } {
  const [port = '', protocol = 'tcp'] = key.split('/');
  if (!isPort(port) || Number(port) === 0) {
    throw new EngineError('invalid-argument', `invalid port specification: "${key}"`);
  }
  if (protocol !== 'tcp' && protocol !== 'udp' && protocol !== 'sctp') {
    throw new EngineError('invalid-argument', `invalid protocol of port "${key}"`, {
      hint: 'publish tcp, udp or sctp',
    });
  }
  return { protocol, target: Number(port) };
}

/** Empty is any free port; of a range "8000-8010" the first free one. */
function parsePublished(text: string): Pick<PortRequest, 'published' | 'lastPublished'> {
  const match = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(text);
  const [, first = '0', last = first] = match ?? [];
  const isEmpty = text === '' || text === '0';
  if (isEmpty) return { published: 0 };
  const isRange = match !== null && isPort(last) && Number(first) > 0;
  if (!isRange || Number(first) > Number(last))
    throw new EngineError('invalid-argument', `invalid port number in bindings: "${text}"`);
  if (first === last) return { published: Number(first) };
  return { published: Number(first), lastPublished: Number(last) };
}

function isPort(text: string): boolean {
  return /^\d{1,5}$/.test(text) && Number(text) <= 65_535;
}

export function networkFacts(
  record: ContainerRecord,
  networks: readonly Network[],
  sandbox: Pick<SandboxHandle, 'path' | 'endpoints' | 'ports'>,
): NetworkFacts {
  const nameOf = new Map(networks.map(({ id, name }) => [id, name]));
  return {
    sandboxKey: sandbox.path,
    endpoints: Object.fromEntries(
      sandbox.endpoints.map((endpoint) => [
        nameOf.get(endpoint.networkId) ?? endpoint.networkId,
        endpointFacts(endpoint, record.id),
      ]),
    ),
    ports: portMap(record, sandbox.ports),
  };
}

function endpointFacts(endpoint: Endpoint, containerId: string): EndpointSettings {
  const { ipv4, ipv6 } = endpoint;
  return {
    NetworkID: endpoint.networkId,
    // An endpoint is the join of one container to one network: it has no identity beside theirs.
    EndpointID: containerId.slice(0, 32) + endpoint.networkId.slice(0, 32),
    MacAddress: endpoint.macAddress,
    IPAddress: ipv4?.address ?? '',
    IPPrefixLen: ipv4?.prefixLength ?? 0,
    Gateway: ipv4?.gateway ?? '',
    GlobalIPv6Address: ipv6?.address ?? '',
    GlobalIPv6PrefixLen: ipv6?.prefixLength ?? 0,
    IPv6Gateway: ipv6?.gateway ?? '',
    DNSNames: endpoint.names,
  };
}

function portMap(record: ContainerRecord, bindings: readonly PortBinding[]): PortMap {
  const map: Record<string, { HostIp: string; HostPort: string }[] | null> = {};
  for (const key of Object.keys(record.config.ExposedPorts ?? {})) map[key] = null;
  for (const { target, protocol, hostIp, published } of bindings) {
    const list = (map[`${target}/${protocol}`] ??= []);
    list.push({ HostIp: hostIp, HostPort: String(published) });
  }
  return map;
}
