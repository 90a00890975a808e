/** Flags of a network's addresses → one pool for each subnet. */
import { BlockList, isIP } from 'node:net';
import type { IpamPool } from '../../engine/api/index.ts';
import { CliError } from '../cli-error.ts';
import type { Pair } from './pairs.ts';

export interface PoolFlags {
  readonly subnets: readonly string[];
  readonly ranges: readonly string[];
  readonly gateways: readonly string[];
  readonly reserved: readonly Pair[];
}

interface DraftPool {
  readonly Subnet: string;
  IPRange?: string;
  Gateway?: string;
  AuxiliaryAddresses?: Record<string, string>;
}

/** What is in no subnet, or in one that has it already, is refused in docker's words. */
export function poolsOf({ subnets, ranges, gateways, reserved }: PoolFlags): readonly IpamPool[] {
  const hasRest = ranges.length + gateways.length + reserved.length > 0;
  if (subnets.length === 0 && hasRest) {
    throw new CliError('every ip-range or gateway must have a corresponding subnet');
  }
  const pools = subnets.map((Subnet): DraftPool => ({ Subnet }));
  checkOverlap(subnets);
  const poolOf = (address: string, what: string): DraftPool => {
    const found = pools.find(({ Subnet }) => isWithin(address, Subnet));
    if (found === undefined) throw new CliError(`no matching subnet for ${what} ${address}`);
    return found;
  };
  for (const range of ranges) {
    const pool = poolOf(range, 'range');
    pool.IPRange = once(pool.IPRange, range, { what: 'ranges', subnet: pool.Subnet });
  }
  for (const gateway of gateways) {
    const pool = poolOf(gateway, 'gateway');
    pool.Gateway = once(pool.Gateway, gateway, { what: 'gateways', subnet: pool.Subnet });
  }
  for (const [name, address] of reserved) {
    (poolOf(address, 'aux-address').AuxiliaryAddresses ??= {})[name] = address;
  }
  return pools;
}

function once(
  earlier: string | undefined,
  value: string,
  { what, subnet }: { readonly what: string; readonly subnet: string },
): string {
  if (earlier === undefined) return value;
  throw new CliError(
    `cannot configure multiple ${what} (${value}, ${earlier}) on the same subnet (${subnet})`,
  );
}

function checkOverlap(subnets: readonly string[]): void {
  for (const [index, subnet] of subnets.entries()) {
    const other = subnets.slice(0, index).find((earlier) => {
      return isWithin(addressOf(subnet), earlier) || isWithin(addressOf(earlier), subnet);
    });
    if (other === undefined) continue;
    throw new CliError('multiple overlapping subnet configuration is not supported', {
      hint: `${other} and ${subnet} overlap`,
    });
  }
}

/** Also of a range: by its first address. */
function isWithin(address: string, subnet: string): boolean {
  const [network = '', prefix = ''] = subnet.split('/');
  const family = isIP(network);
  const own = addressOf(address);
  if (family === 0 || !/^\d{1,3}$/u.test(prefix) || Number(prefix) > (family === 4 ? 32 : 128)) {
    throw new CliError(`invalid subnet "${subnet}"`, { hint: 'give it as 10.20.0.0/16' });
  }
  if (isIP(own) === 0) throw new CliError(`"${address}" is no address`);
  const type = family === 4 ? 'ipv4' : 'ipv6';
  if (isIP(own) !== family) return false;
  const block = new BlockList();
  block.addSubnet(network, Number(prefix), type);
  return block.check(own, type);
}

function addressOf(text: string): string {
  return text.split('/')[0] ?? '';
}
