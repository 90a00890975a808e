/** RTM_*ADDR, rtnetlink(7): IPv4 addresses of interfaces. */
import { attribute, encodeAttributes, indexAttributes } from './attributes.ts';
import { concatBytes, isLittleEndian, readU32be, requireBytes, u32be, viewOf } from './bytes.ts';

export const RTM_NEWADDR = 20;
export const RTM_GETADDR = 22;

export const AF_INET = 2;

export interface InterfaceAddress {
  /** Index of the interface. */
  readonly index: number;
  readonly prefixLength: number;
  /** IPv4 as a number; `peer` differs from `local` on point-to-point links only. */
  readonly local: number;
  readonly peer: number;
  readonly broadcast?: number;
}

const IFA_ADDRESS = 1;
const IFA_LOCAL = 2;
const IFA_BROADCAST = 4;
const headerBytes = 8;

export function encodeAddress(address: InterfaceAddress): Uint8Array {
  const header = new Uint8Array(headerBytes);
  header[0] = AF_INET;
  header[1] = address.prefixLength;
  viewOf(header).setUint32(4, address.index, isLittleEndian);
  const attributes = [
    attribute(IFA_LOCAL, u32be(address.local)),
    attribute(IFA_ADDRESS, u32be(address.peer)),
  ];
  if (address.broadcast !== undefined)
    attributes.push(attribute(IFA_BROADCAST, u32be(address.broadcast)));
  return concatBytes([header, encodeAttributes(attributes)]);
}

/** null for another family. */
export function decodeAddress(payload: Uint8Array): InterfaceAddress | null {
  const view = requireBytes(payload, headerBytes, 'address');
  if (view.getUint8(0) !== AF_INET) return null;
  const attributes = indexAttributes(payload.subarray(headerBytes));
  const peer = attributes.get(IFA_ADDRESS) ?? attributes.get(IFA_LOCAL);
  if (peer === undefined) return null;
  const broadcast = attributes.get(IFA_BROADCAST);
  return {
    index: view.getUint32(4, isLittleEndian),
    prefixLength: view.getUint8(1),
    local: readU32be(attributes.get(IFA_LOCAL) ?? peer, 'local address'),
    peer: readU32be(peer, 'peer address'),
    ...(broadcast === undefined ? {} : { broadcast: readU32be(broadcast, 'broadcast address') }),
  };
}

/** The body of a dump request: everything of IPv4. */
export function anyAddress(): Uint8Array {
  const header = new Uint8Array(headerBytes);
  header[0] = AF_INET;
  return header;
}
