import { extraHosts, fileReferences, stringOrList } from './definitions.ts';
import { mounts } from './mount.ts';
import { serviceNetworks } from './network.ts';
import { ports } from './port.ts';
import { become, either, number, optional, setOf, string } from './shapes.ts';

/** Of a service: networks, names, files. */
export const connections = {
  configs: optional('Configs of the top level, as files in the container.', fileReferences),
  dns: optional('DNS servers the container asks.', stringOrList, { examples: ['9.9.9.9'] }),
  dns_opt: optional('Options of the resolver, as in resolv.conf.', setOf(string), {
    examples: [['ndots:1', 'use-vc']],
  }),
  dns_search: optional('Domains in which short names are looked up; "." is none.', stringOrList),
  expose: optional(
    'Ports that other containers may use. They are not published on the host.',
    become<readonly string[]>(setOf(either(string, number))),
  ),
  external_links: optional(
    'Containers outside the project to reach by name: container or container:alias.',
    setOf(string),
  ),
  extra_hosts: optional(
    'More names and addresses for /etc/hosts; host-gateway is the address of the host.',
    extraHosts,
    {
      examples: [['host.docker.internal:host-gateway']],
    },
  ),
  links: optional(
    'Services to reach under another name, service:alias; they are started before.',
    setOf(string),
  ),
  mac_address: optional('Hardware address on the first network.', string),
  network_mode: optional(
    'Instead of networks: host, none, bridge, service:name or container:name to share theirs.',
    string,
    { examples: ['host', 'none', 'service:vpn'] },
  ),
  networks: optional(
    'Networks of the top level the service joins; without it, "default".',
    serviceNetworks,
  ),
  ports: optional('Ports to publish on the host: [address:][host:]container[/protocol].', ports, {
    examples: [['8080:80', '127.0.0.1:5432:5432']],
  }),
  secrets: optional('Secrets of the top level, as files in the container.', fileReferences),
  tmpfs: optional('Directories in memory: path or path:options.', stringOrList, {
    examples: ['/run:size=64m'],
  }),
  volumes: optional('What is mounted into the container: [source:]target[:options].', mounts, {
    examples: [['data:/var/lib/data', './src:/app:ro']],
  }),
  volumes_from: optional(
    'Mount what another service, or container:name, mounts; :ro against writing.',
    setOf(string),
  ),
};
