/** Unique local addresses of IPv6, RFC 4193. */
import { addressOfBytes } from './address.ts';
import { subnetOf } from './subnet.ts';
import type { Subnet } from './subnet.ts';

const globalIdBytes = 5;
const prefixLength = 48;
/** fc00::/7 with the bit that says that the rest was chosen by ourselves. */
const firstByte = 0xfd;

/** The /48 of a global id. */
export function uniqueLocal(globalId: Uint8Array): Subnet {
  if (globalId.length !== globalIdBytes)
    throw new TypeError(`a global id has ${globalIdBytes} bytes, and not ${globalId.length}`);
  const bytes = new Uint8Array(16);
  bytes[0] = firstByte;
  bytes.set(globalId, 1);
  const address = addressOfBytes(bytes);
  if (address === null) throw new TypeError('an IPv6 address has 16 bytes');
  return subnetOf(address, prefixLength);
}
