import { describe, expect, test } from 'vitest';
import { poolsOf, type PoolFlags } from '../../../../cli/objects/pools.ts';

function pools(flags: Partial<PoolFlags>): ReturnType<typeof poolsOf> {
  return poolsOf({ subnets: [], ranges: [], gateways: [], reserved: [], ...flags });
}

describe('addresses of a network', () => {
  test('must go to the subnet that holds them', () => {
    expect(
      pools({
        subnets: ['10.1.0.0/16', 'fd00::/64'],
        gateways: ['fd00::1', '10.1.0.1'],
        ranges: ['10.1.8.0/24'],
        reserved: [
          ['router', '10.1.0.9'],
          ['spare', '10.1.0.10'],
        ],
      }),
    ).toEqual([
      {
        Subnet: '10.1.0.0/16',
        Gateway: '10.1.0.1',
        IPRange: '10.1.8.0/24',
        AuxiliaryAddresses: { router: '10.1.0.9', spare: '10.1.0.10' },
      },
      { Subnet: 'fd00::/64', Gateway: 'fd00::1' },
    ]);
    expect(pools({})).toEqual([]);
  });

  test.each<readonly [Partial<PoolFlags>, string]>([
    [{ gateways: ['10.1.0.1'] }, 'every ip-range or gateway must have a corresponding subnet'],
    [
      { subnets: ['10.1.0.0/16'], gateways: ['10.2.0.1'] },
      'no matching subnet for gateway 10.2.0.1',
    ],
    [
      { subnets: ['10.1.0.0/16'], gateways: ['10.1.0.1', '10.1.0.2'] },
      'cannot configure multiple gateways (10.1.0.2, 10.1.0.1) on the same subnet (10.1.0.0/16)',
    ],
    [
      { subnets: ['10.1.0.0/16', '10.1.2.0/24'] },
      'multiple overlapping subnet configuration is not supported',
    ],
    [{ subnets: ['10.1.0.0'], gateways: ['10.1.0.1'] }, 'invalid subnet "10.1.0.0"'],
    [{ subnets: ['10.1.0.0/16'], gateways: ['here'] }, '"here" is no address'],
  ])('must be refused: %j', (flags, message) => {
    expect(() => pools(flags)).toThrow(message);
  });
});
