/** Hardware addresses. */
import { createHash } from 'node:crypto';
import { NetworkError } from './errors.ts';
import { addressBytes, requireAddress } from './ipam/address.ts';

/**
 * 02:42 and the IPv4 address, as Docker does, or a hash of the IPv6 address, of which two on a bridge may end alike:
 * locally administered, and an address that comes back after a while has the hardware address that neighbours still
 * remember for it.
 */
export function macOfAddress(address: string): string {
  const bytes = addressBytes(requireAddress(address));
  const end = bytes.length === 4 ? bytes : createHash('sha256').update(bytes).digest().subarray(-4);
  return formatMac(Uint8Array.of(2, 0x42, ...end));
}

export function parseMac(text: string): Uint8Array {
  const parts = text.split(/[:-]/);
  if (parts.length !== 6 || !parts.every((part) => /^[0-9a-fA-F]{2}$/.test(part)))
    throw invalid(text, 'is not of the form 02:42:ac:12:00:02');
  const bytes = Uint8Array.from(parts, (part) => Number.parseInt(part, 16));
  if (((bytes[0] ?? 0) & 1) !== 0) throw invalid(text, 'is a multicast address');
  if (bytes.every((byte) => byte === 0)) throw invalid(text, 'is all zeros');
  return bytes;
}

export function formatMac(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join(':');
}

function invalid(text: string, problem: string): NetworkError {
  return new NetworkError({
    code: 'invalid-argument',
    message: `hardware address "${text}" ${problem}`,
    fields: { macAddress: text },
  });
}
