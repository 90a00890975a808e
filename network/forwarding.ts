/**
 * net.ipv4.ip_forward, without which no packet leaves a bridge. A host that did not forward keeps its other interfaces
 * apart: the firewall drops what would pass from one to another of those it had before us.
 */
import type { HostForwarding } from './model.ts';
import { IFF_LOOPBACK } from './netlink/link.ts';
import type { Link } from './netlink/link.ts';
import type { Kernel, Records } from './context.ts';

const name = 'net/ipv4/ip_forward';
const key = 'host';

export interface ForwardingParts {
  readonly kernel: Pick<Kernel, 'readSysctl' | 'writeSysctl'>;
  readonly records: Records<HostForwarding>;
}

/** Turns forwarding on if it is off. Returns the interfaces to keep apart. */
export async function enableForwarding(
  { kernel, records }: ForwardingParts,
  listForeign: () => Promise<readonly Link[]>,
): Promise<readonly string[]> {
  if ((await kernel.readSysctl({ name })) !== '0') return recordedUplinks(records);
  const uplinks = namesOf(await listForeign());
  await records.put(key, { uplinks });
  await kernel.writeSysctl({ name, value: '1' });
  return uplinks;
}

export function recordedUplinks(records: Records<HostForwarding>): readonly string[] {
  return records.values()[0]?.uplinks ?? [];
}

/**
 * Turns forwarding off again if we had turned it on, and nobody can rely on it: the host has no interface that it did
 * not have then, so no other engine's and no virtual machine's.
 */
export async function restoreForwarding(
  { kernel, records }: ForwardingParts,
  listForeign: () => Promise<readonly Link[]>,
): Promise<void> {
  const [record] = records.values();
  if (record === undefined) return;
  const known = new Set(record.uplinks);
  if (namesOf(await listForeign()).every((link) => known.has(link)))
    await kernel.writeSysctl({ name, value: '0' });
  await records.delete(key);
}

function namesOf(links: readonly Link[]): readonly string[] {
  return links
    .filter(({ flags }) => (flags & IFF_LOOPBACK) === 0)
    .map(({ name: link }) => link ?? '')
    .filter((link) => link !== '');
}
