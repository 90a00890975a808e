import { describe, expect, test } from 'vitest';
import { endpointOptions } from '../../../../engine/containers/endpoint-options.ts';

const sysctls = 'com.docker.network.endpoint.sysctls';

describe('driver options of an endpoint', () => {
  test('must give its interface a name and sysctls', () => {
    expect(
      endpointOptions({
        'com.docker.network.endpoint.ifname': 'lan',
        [sysctls]: 'net.ipv4.conf.IFNAME.log_martians=1, net.ipv6.neigh.IFNAME.gc_stale_time=5',
        'for.another.driver': 'x',
      }),
    ).toEqual({
      interfaceName: 'lan',
      sysctls: { 'ipv4/conf/IFNAME/log_martians': '1', 'ipv6/neigh/IFNAME/gc_stale_time': '5' },
    });
    expect(endpointOptions({})).toEqual({});
  });

  test.each([
    'net.ipv4.conf.eth0.log_martians=1',
    'net.ipv4.conf.IFNAME.log_martians',
    'net.core.somaxconn=1',
    'kernel.IFNAME.x.y=1',
    'net.ipv4.conf.IFNAME.../../kernel/core_pattern=x',
    'net.ipv4.conf.IFNAME.a=1\nnet.x=2',
    'net/ipv4/conf/IFNAME/log_martians=1',
  ])('%j must be refused', (text) => {
    expect(() => endpointOptions({ [sysctls]: text })).toThrow('not of the form');
  });
});
