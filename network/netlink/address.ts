/** RTM_*ADDR, rtnetlink(7): addresses of interfaces. */
import { addressBytes, addressOfBytes } from '../ipam/address.ts';
import type { Address, Family } from '../ipam/address.ts';
import { attribute, encodeAttributes, indexAttributes, u32Attribute } from './attributes.ts';
import { concatBytes, isLittleEndian, NetlinkFormatError, requireBytes, viewOf } from './bytes.ts';

export const RTM_NEWADDR = 20;
export const RTM_DELADDR = 21;
export const RTM_GETADDR = 22;

const AF_INET = 2;
const AF_INET6 = 10;

export interface InterfaceAddress {
  /** Index of the interface. */
  readonly index: number;
  readonly prefixLength: number;
  /** `peer` differs from `local` on point-to-point links only. */
  readonly local: Address;
  readonly peer: Address;
  /** IPv4 only. */
  readonly broadcast?: Address;
  /** IPv6 only: usable at once, without asking the link whether somebody has it. */
  readonly isUnchecked?: boolean;
}

const IFA_ADDRESS = 1;
const IFA_LOCAL = 2;
const IFA_BROADCAST = 4;
const IFA_FLAGS = 8;
const IFA_F_NODAD = 2;
const headerBytes = 8;

export function encodeAddress(address: InterfaceAddress): Uint8Array {
  const header = new Uint8Array(headerBytes);
  header[0] = numberOf(address.local.family);
  header[1] = address.prefixLength;
  viewOf(header).setUint32(4, address.index, isLittleEndian);
  const attributes = [
    attribute(IFA_LOCAL, addressBytes(address.local)),
    attribute(IFA_ADDRESS, addressBytes(address.peer)),
  ];
  if (address.broadcast !== undefined)
    attributes.push(attribute(IFA_BROADCAST, addressBytes(address.broadcast)));
  if (address.isUnchecked === true) attributes.push(u32Attribute(IFA_FLAGS, IFA_F_NODAD));
  return concatBytes([header, encodeAttributes(attributes)]);
}

/** null for another family. */
export function decodeAddress(payload: Uint8Array): InterfaceAddress | null {
  const view = requireBytes(payload, headerBytes, 'address');
  const family = familyOf(view.getUint8(0));
  if (family === null) return null;
  const attributes = indexAttributes(payload.subarray(headerBytes));
  const peer = attributes.get(IFA_ADDRESS) ?? attributes.get(IFA_LOCAL);
  if (peer === undefined) return null;
  const broadcast = attributes.get(IFA_BROADCAST);
  const flags = attributes.get(IFA_FLAGS)?.[isLittleEndian ? 0 : 3] ?? 0;
  return {
    index: view.getUint32(4, isLittleEndian),
    prefixLength: view.getUint8(1),
    local: readAddress(attributes.get(IFA_LOCAL) ?? peer, family, 'local address'),
    peer: readAddress(peer, family, 'peer address'),
    ...(broadcast !== undefined && {
      broadcast: readAddress(broadcast, family, 'broadcast address'),
    }),
    ...((flags & IFA_F_NODAD) !== 0 && { isUnchecked: true }),
  };
}

/** The body of a dump request: everything of one family. */
export function anyAddress(family: Family): Uint8Array {
  const header = new Uint8Array(headerBytes);
  header[0] = numberOf(family);
  return header;
}

export function numberOf(family: Family): number {
  return family === 4 ? AF_INET : AF_INET6;
}

/** null for one that is neither. */
export function familyOf(number: number): Family | null {
  if (number === AF_INET) return 4;
  return number === AF_INET6 ? 6 : null;
}

export function readAddress(bytes: Uint8Array, family: Family, what: string): Address {
  const address = addressOfBytes(bytes);
  if (address?.family !== family)
    throw new NetlinkFormatError(`${what} has ${bytes.length} bytes, and is of IPv${family}`);
  return address;
}
