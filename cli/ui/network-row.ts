/** A network as docker's lists show it. */
import type { NetworkInspect } from '../../engine/api/index.ts';
import { labelFields, labelHeadings } from './labels.ts';
import type { FormatRow, RowFormat } from './rows.ts';
import { goTimeOf } from './go-text.ts';

export const networkFormat: RowFormat = {
  headings: {
    ...labelHeadings,
    CreatedAt: 'CREATED AT',
    Driver: 'DRIVER',
    ID: 'NETWORK ID',
    IPv4: 'IPV4',
    IPv6: 'IPV6',
    Internal: 'INTERNAL',
    Name: 'NAME',
    Scope: 'SCOPE',
  },
  defaultTable: '{{.ID}}\t{{.Name}}\t{{.Driver}}\t{{.Scope}}',
  raw: 'network_id: {{.ID}}\nname: {{.Name}}\ndriver: {{.Driver}}\nscope: {{.Scope}}\n',
};

export function networkRow(network: NetworkInspect, { isCut }: { isCut: boolean }): FormatRow {
  const { Created, Driver, EnableIPv4, EnableIPv6, Id, Internal, Name, Scope } = network;
  return {
    ...labelFields(network.Labels),
    CreatedAt: goTimeOf(Created),
    Driver,
    ID: isCut ? Id.slice(0, 12) : Id,
    // Engines from before the field have it always.
    IPv4: String((EnableIPv4 as boolean | undefined) ?? true),
    IPv6: String(EnableIPv6),
    Internal: String(Internal),
    Name,
    Scope,
  };
}
