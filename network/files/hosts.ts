/** The text of /etc/hosts, hosts(5). */

export interface HostsRequest {
  /** The sandbox's own names; the first one is canonical. */
  readonly names: readonly string[];
  /** On each of its networks. */
  readonly addresses: readonly string[];
  readonly extra: readonly HostEntry[];
}

export interface HostEntry {
  readonly name: string;
  readonly address: string;
}

export function renderHosts({ names, addresses, extra }: HostsRequest): string {
  const lines = [
    '127.0.0.1\tlocalhost',
    '::1\tlocalhost ip6-localhost ip6-loopback',
    'fe00::\tip6-localnet',
    'ff00::\tip6-mcastprefix',
    'ff02::1\tip6-allnodes',
    'ff02::2\tip6-allrouters',
    ...extra.map(({ name, address }) => `${address}\t${name}`),
    ...addresses.map((address) => `${address}\t${names.join(' ')}`),
  ];
  return `${lines.join('\n')}\n`;
}
