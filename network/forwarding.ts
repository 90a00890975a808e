/**
 * Forwarding of the host, without which no packet leaves a bridge. A host that did not forward keeps its other interfaces
 * apart: the firewall drops what would pass from one to another of those it had before us.
 */
import { isSyscallError } from '../native/index.ts';
import type { Family } from './ipam/address.ts';
import type { HostForwarding } from './model.ts';
import { IFF_LOOPBACK } from './netlink/link.ts';
import type { Link } from './netlink/link.ts';
import type { Kernel, Records } from './context.ts';
import { NetworkError } from './errors.ts';

const switches: Readonly<Record<Family, string>> = {
  4: 'net/ipv4/ip_forward',
  6: 'net/ipv6/conf/all/forwarding',
};
const keys: Readonly<Record<Family, string>> = { 4: 'host', 6: 'host6' };

export interface ForwardingParts {
  readonly kernel: Pick<Kernel, 'readSysctl' | 'writeSysctl'>;
  readonly records: Records<HostForwarding>;
}

export type ListForeign = () => Promise<readonly Link[]>;

/** Turns forwarding of a family on if it is off. Returns the interfaces to keep apart. */
export async function enableForwarding(
  parts: ForwardingParts,
  family: Family,
  listForeign: ListForeign,
): Promise<readonly string[]> {
  const { kernel, records } = parts;
  if ((await readSwitch(parts, family)) !== '0') return recordedUplinks(records, family);
  const uplinks = namesOf(await listForeign());
  const advertised = family === 6 ? await advertisedOf(parts, uplinks) : [];
  await records.put(keys[family], { family, uplinks, advertised });
  // Before forwarding: a host would forget the default route that its router told it of.
  for (const link of advertised) await kernel.writeSysctl(acceptance(link, '2'));
  await kernel.writeSysctl({ name: switches[family], value: '1' });
  return uplinks;
}

export function recordedUplinks(
  records: Records<HostForwarding>,
  family: Family,
): readonly string[] {
  return records.values().find((one) => one.family === family)?.uplinks ?? [];
}

/**
 * Turns forwarding off again if we had turned it on, and nobody can rely on it: the host has no interface that it did
 * not have then, so no other engine's and no virtual machine's.
 */
export async function restoreForwarding(
  { kernel, records }: ForwardingParts,
  wanted: Family,
  listForeign: ListForeign,
): Promise<void> {
  const kept = records.values().filter(({ family }) => family === wanted);
  for (const { family, uplinks, advertised } of kept) {
    const known = new Set(uplinks);
    const present = namesOf(await listForeign());
    if (present.every((link) => known.has(link))) {
      await kernel.writeSysctl({ name: switches[family], value: '0' });
      for (const link of advertised.filter((one) => present.includes(one)))
        await kernel.writeSysctl(acceptance(link, '1'));
    }
    await records.delete(keys[family]);
  }
}

async function readSwitch({ kernel }: ForwardingParts, family: Family): Promise<string> {
  try {
    return await kernel.readSysctl({ name: switches[family] });
  } catch (error) {
    if (!isSyscallError(error, 'ENOENT')) throw error;
    throw new NetworkError({
      code: 'unsupported',
      message: `this kernel has no IPv${family}, which the network is to have`,
      hint: `start the kernel with IPv${family}, or create the network without it`,
      fields: { family },
      cause: error,
    });
  }
}

/** Those that follow router advertisements as long as the host does not forward. */
async function advertisedOf(
  { kernel, records }: ForwardingParts,
  uplinks: readonly string[],
): Promise<readonly string[]> {
  // Of an engine that was killed after it had begun.
  const earlier = records.values().flatMap((one) => one.advertised);
  const advertised = earlier.filter((link) => uplinks.includes(link));
  for (const link of uplinks) {
    try {
      if ((await kernel.readSysctl({ name: acceptance(link, '').name })) === '1')
        advertised.push(link);
    } catch (error) {
      // Gone, or an interface without IPv6.
      if (!isSyscallError(error, 'ENOENT')) throw error;
    }
  }
  return advertised;
}

function acceptance(link: string, value: string): { name: string; value: string } {
  return { name: `net/ipv6/conf/${link}/accept_ra`, value };
}

function namesOf(links: readonly Link[]): readonly string[] {
  return links
    .filter(({ flags }) => (flags & IFF_LOOPBACK) === 0)
    .map(({ name: link }) => link ?? '')
    .filter((link) => link !== '');
}
