/**
 * Where a published UDP port leads is decided by the first packet of a flow, and a client that goes on sending keeps
 * its flow alive: after the port has begun to lead elsewhere, such flows must be forgotten. TCP needs nothing of the
 * kind, as its old connections end with a reset.
 */
import { isSyscallError } from '../../native/index.ts';
import { requireAddress } from '../ipam/address.ts';
import type { Address } from '../ipam/address.ts';
import type { PortBinding } from '../model.ts';
import { decodeFlow, deleteFlow, getFlows } from '../netlink/conntrack.ts';
import type { Flow } from '../netlink/conntrack.ts';
import { refusal } from '../netlink/socket.ts';
import type { NetlinkSocket } from '../netlink/socket.ts';

const udp = 17;
const errnoNoEntry = 2;

/** Costs a walk through all tracked connections if one of the ports is UDP, and nothing otherwise. */
export async function forgetFlows(
  socket: NetlinkSocket,
  ports: readonly Pick<PortBinding, 'protocol' | 'published'>[],
): Promise<void> {
  const published = new Set(
    ports.filter(({ protocol }) => protocol === 'udp').map((port) => port.published),
  );
  if (published.size > 0) await forget(socket, (flow) => isTo(flow, published));
}

/**
 * What an address had begun or was sent must not be the next one's who gets it: a connection that is established passes
 * the rules. One walk through all tracked connections.
 */
export async function forgetAddresses(
  socket: NetlinkSocket,
  addresses: readonly string[],
): Promise<void> {
  const freed = new Set(addresses.map((address) => keyOf(requireAddress(address))));
  if (freed.size === 0) return;
  const isOf = ({ original, reply }: Flow): boolean =>
    freed.has(keyOf(original.source)) || freed.has(keyOf(reply.source));
  try {
    await forget(socket, isOf);
  } catch (error) {
    // A kernel that does not tell what it tracks.
    if (!isSyscallError(error, 'EINVAL', 'EOPNOTSUPP')) throw error;
  }
}

function keyOf({ family, value }: Address): string {
  return `${family} ${value}`;
}

async function forget(socket: NetlinkSocket, isMeant: (flow: Flow) => boolean): Promise<void> {
  const messages = await socket.dump(getFlows);
  const requests = messages
    .map(({ payload }) => decodeFlow(payload))
    .filter((flow) => flow !== null)
    .filter(isMeant)
    .map(deleteFlow);
  if (requests.length === 0) return;
  const replies = await socket.send(requests);
  const failed = replies.find(({ errno }) => errno !== 0 && errno !== errnoNoEntry);
  if (failed !== undefined) throw refusal('forget tracked connections', failed);
}

function isTo({ original }: Flow, ports: ReadonlySet<number>): boolean {
  return original.protocol === udp && ports.has(original.destinationPort);
}
