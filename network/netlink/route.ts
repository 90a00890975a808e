/** RTM_*ROUTE, rtnetlink(7): routes. */
import { addressBytes } from '../ipam/address.ts';
import type { Address, Family } from '../ipam/address.ts';
import { attribute, encodeAttributes, indexAttributes, u32Attribute } from './attributes.ts';
import { familyOf, numberOf, readAddress } from './address.ts';
import { concatBytes, readU32, requireBytes } from './bytes.ts';

export const RTM_NEWROUTE = 24;
export const RTM_GETROUTE = 26;

export const RT_TABLE_MAIN = 254;
export const RT_SCOPE_UNIVERSE = 0;
export const RT_SCOPE_LINK = 253;
export const RTN_UNICAST = 1;
const RTPROT_BOOT = 3;

export interface Route {
  /** All zeros with length 0 is the default route. */
  readonly destination: Address;
  readonly prefixLength: number;
  readonly table: number;
  readonly scope: number;
  readonly type: number;
  readonly gateway?: Address;
  /** Index of the interface it leaves by. */
  readonly outputIndex?: number;
}

const RTA_DST = 1;
const RTA_OIF = 4;
const RTA_GATEWAY = 5;
const RTA_TABLE = 15;
const headerBytes = 12;

export function encodeRoute(route: Route): Uint8Array {
  const header = new Uint8Array(headerBytes);
  header[0] = numberOf(route.destination.family);
  header[1] = route.prefixLength;
  header[5] = RTPROT_BOOT;
  header[6] = route.scope;
  header[7] = route.type;
  const attributes = [u32Attribute(RTA_TABLE, route.table)];
  if (route.prefixLength > 0) attributes.push(attribute(RTA_DST, addressBytes(route.destination)));
  if (route.gateway !== undefined)
    attributes.push(attribute(RTA_GATEWAY, addressBytes(route.gateway)));
  if (route.outputIndex !== undefined) attributes.push(u32Attribute(RTA_OIF, route.outputIndex));
  return concatBytes([header, encodeAttributes(attributes)]);
}

/** null for another family. */
export function decodeRoute(payload: Uint8Array): Route | null {
  const view = requireBytes(payload, headerBytes, 'route');
  const family = familyOf(view.getUint8(0));
  if (family === null) return null;
  const attributes = indexAttributes(payload.subarray(headerBytes));
  const destination = attributes.get(RTA_DST);
  const table = attributes.get(RTA_TABLE);
  const gateway = attributes.get(RTA_GATEWAY);
  const output = attributes.get(RTA_OIF);
  return {
    destination:
      destination === undefined
        ? { family, value: 0n }
        : readAddress(destination, family, 'destination'),
    prefixLength: view.getUint8(1),
    // The header's byte cannot hold tables above 255.
    table: table === undefined ? view.getUint8(4) : readU32(table, 'routing table'),
    scope: view.getUint8(6),
    type: view.getUint8(7),
    ...(gateway === undefined ? {} : { gateway: readAddress(gateway, family, 'gateway') }),
    ...(output === undefined ? {} : { outputIndex: readU32(output, 'output interface') }),
  };
}

/** The body of a dump request: everything of one family. */
export function anyRoute(family: Family): Uint8Array {
  const header = new Uint8Array(headerBytes);
  header[0] = numberOf(family);
  return header;
}
