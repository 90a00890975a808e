import type { EndpointSettings, NetworkingConfig } from '../../../engine/api/index.ts';
import type { ServiceNetwork } from '../../model/network.ts';
import type { Project } from '../../model/project.ts';
import type { Service } from '../../model/service.ts';
import { containerName } from '../../names.ts';

/** Key and name on the engine of the networks a service joins, the one that is connected first in front. */
export function networksOf(
  project: Project,
  service: Service,
): { readonly key: string; readonly name: string; readonly settings: ServiceNetwork }[] {
  return Object.entries(service.networks ?? {})
    .map(([key, settings]) => ({
      key,
      name: project.networks[key]?.name ?? key,
      settings: settings ?? {},
    }))
    .sort(
      (left, right) =>
        (right.settings.priority ?? 0) - (left.settings.priority ?? 0) ||
        (left.key < right.key ? -1 : 1),
    );
}

/** `host`, `none`, another container's, or the first of the service's networks. */
export function networkMode(project: Project, service: Service): string {
  const { network_mode: mode } = service;
  if (mode === undefined) return networksOf(project, service)[0]?.name ?? 'none';
  return namespaceMode(project, mode) ?? mode;
}

/** `service:X` is the namespace of X's first container. */
export function namespaceMode(project: Project, mode: string | undefined): string | undefined {
  if (mode?.startsWith('service:') !== true) return mode;
  const name = mode.slice('service:'.length);
  const own = project.services[name]?.container_name;
  return `container:${own ?? containerName(project.name, name, 1)}`;
}

interface Named {
  readonly project: Project;
  readonly serviceName: string;
  readonly service: Service;
  readonly name: string;
  readonly oneOff?: { readonly useAliases: boolean };
}

export function networkingConfig({ project, serviceName, service, name, oneOff }: Named): {
  readonly NetworkingConfig?: NetworkingConfig;
} {
  if (service.network_mode !== undefined) return {};
  const joined = networksOf(project, service);
  if (joined.length === 0) return {};
  const endpoints = joined.map(
    ({ key, name: network, settings }, index): [string, EndpointSettings] => [
      network,
      endpointOf(settings, {
        // A one-off beside the service must not get what is meant for the service.
        aliases:
          oneOff?.useAliases === false
            ? [name]
            : [...new Set([serviceName, name, ...(settings.aliases ?? [])])],
        links: linksOf(project, service, key),
        // The service's own address is that of the network it is connected to first.
        mac: settings.mac_address ?? (index === 0 ? service.mac_address : undefined),
      }),
    ],
  );
  return { NetworkingConfig: { EndpointsConfig: Object.fromEntries(endpoints) } };
}

/** `db:database` on the networks both are on: the other's first container under one more name. */
function linksOf(project: Project, service: Service, network: string): string[] {
  return [...(service.links ?? []), ...(service.external_links ?? [])].flatMap((link) => {
    const [target = '', alias = target] = link.split(':');
    const linked = project.services[target];
    if (linked === undefined)
      return service.external_links?.includes(link) ? [`${target}:${alias}`] : [];
    if (!(network in (linked.networks ?? {}))) return [];
    return [`${linked.container_name ?? containerName(project.name, target, 1)}:${alias}`];
  });
}

interface Names {
  readonly aliases: readonly string[];
  readonly links: readonly string[];
  readonly mac: string | undefined;
}

function endpointOf(settings: ServiceNetwork, { aliases, links, mac }: Names): EndpointSettings {
  const { ipv4_address, ipv6_address, link_local_ips, interface_name } = settings;
  const address = {
    ...(ipv4_address !== undefined && { IPv4Address: ipv4_address }),
    ...(ipv6_address !== undefined && { IPv6Address: ipv6_address }),
    ...(link_local_ips !== undefined && { LinkLocalIPs: link_local_ips }),
  };
  const options = {
    ...settings.driver_opts,
    ...(interface_name !== undefined && { 'com.docker.network.endpoint.ifname': interface_name }),
  };
  return {
    Aliases: aliases,
    ...(links.length > 0 && { Links: links }),
    ...(Object.keys(address).length > 0 && { IPAMConfig: address }),
    ...(Object.keys(options).length > 0 && { DriverOpts: options }),
    ...(mac !== undefined && { MacAddress: mac }),
    ...(settings.gw_priority !== undefined && { GwPriority: settings.gw_priority }),
  };
}
