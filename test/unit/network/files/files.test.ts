import { describe, expect, test } from 'vitest';
import { parseResolvConf, renderResolvConf } from '../../../../network/files/resolv-conf.ts';
import {
  checkNameservers,
  parseExtraHosts,
  sandboxHosts,
  sandboxResolvConf,
  sandboxUpstreams,
} from '../../../../network/files/sandbox-files.ts';
import type { Endpoint, SandboxRequest } from '../../../../network/index.ts';

const host = {
  nameservers: ['127.0.0.53', 'fe80::1%eth0', 'nonsense'],
  search: ['example.org'],
  options: ['edns0'],
};

function request(more: Partial<SandboxRequest> = {}): SandboxRequest {
  return {
    id: '0'.repeat(64),
    name: 'web',
    hostname: 'web',
    endpoints: [{ networkId: 'n' }],
    ports: [],
    ...more,
  };
}

function endpoint(ipv4Address: string, isDefault: boolean): Endpoint {
  return {
    networkId: 'n',
    interfaceName: 'eth0',
    hostInterface: 'tscv0',
    macAddress: '02:42:ac:12:00:02',
    ipv4: { address: ipv4Address, prefixLength: 16, gateway: '172.18.0.1', isDefault },
    ipv6: null,
    gatewayPriority: 0,
    names: [],
  };
}

describe('/etc/hosts', () => {
  test('must have the sandbox’s own addresses and what was asked for', () => {
    const hosts = sandboxHosts(
      request({
        domainname: 'example.org',
        extraHosts: ['db:10.0.0.5', 'six=[fd00::1]', 'gw:host-gateway'],
      }),
      [endpoint('172.18.0.2', true), endpoint('172.19.0.2', false)],
    );
    expect(hosts).toBe(
      [
        '127.0.0.1\tlocalhost',
        '::1\tlocalhost ip6-localhost ip6-loopback',
        'fe00::\tip6-localnet',
        'ff00::\tip6-mcastprefix',
        'ff02::1\tip6-allnodes',
        'ff02::2\tip6-allrouters',
        '10.0.0.5\tdb',
        'fd00::1\tsix',
        '172.18.0.1\tgw',
        '172.18.0.2\tweb.example.org web',
        '172.19.0.2\tweb.example.org web',
        '',
      ].join('\n'),
    );
  });

  test.each([
    'db',
    'db:',
    ':10.0.0.5',
    'db:nonsense',
    'a b:10.0.0.5',
    'db:10.0.0.5 evil',
    'x:1.2.3.4\n6.6.6.6 y',
  ])('must refuse the extra host %j', (text) => {
    expect(() => parseExtraHosts(request({ extraHosts: [text] }))).toThrow(
      'is not of the form name:address',
    );
  });
});

describe('/etc/resolv.conf', () => {
  test('of the host must be read as the C library reads it', () => {
    const text = `# comment
nameserver 10.0.0.1 ; the first
nameserver\t10.0.0.2
domain one.example
search two.example three.example .
options ndots:2 timeout:1
options rotate
nonsense`;
    expect(parseResolvConf(text)).toEqual({
      nameservers: ['10.0.0.1', '10.0.0.2'],
      search: ['two.example', 'three.example'],
      options: ['ndots:2', 'timeout:1', 'rotate'],
    });
    expect(parseResolvConf('')).toEqual({ nameservers: [], search: [], options: [] });
  });

  test('must be what was read', () => {
    const conf = { nameservers: ['10.0.0.1'], search: ['a', 'b'], options: ['ndots:0'] };
    expect(parseResolvConf(renderResolvConf(conf))).toEqual(conf);
  });

  test.each([
    {
      name: 'nothing asked for',
      dns: undefined,
      expected: 'nameserver 127.0.0.11\nsearch example.org\noptions edns0 ndots:0\n',
    },
    {
      name: 'all of it asked for',
      dns: { nameservers: ['9.9.9.9'], search: ['corp'], options: ['ndots:3'] },
      expected: 'nameserver 127.0.0.11\nsearch corp\noptions ndots:3\n',
    },
    {
      name: 'no search list',
      dns: { search: ['.'] },
      expected: 'nameserver 127.0.0.11\noptions edns0 ndots:0\n',
    },
  ])('on a network must lead to our resolver: $name', ({ dns, expected }) => {
    expect(sandboxResolvConf(request(dns === undefined ? {} : { dns }), host)).toBe(expected);
  });
});

describe('name servers outside', () => {
  const open = [endpoint('172.18.0.2', true)];

  test('must be the host’s that are addresses, or those asked for', () => {
    expect(sandboxUpstreams(request(), open, host)).toEqual(['127.0.0.53', 'fe80::1%eth0']);
    expect(sandboxUpstreams(request({ dns: { nameservers: ['9.9.9.9'] } }), open, host)).toEqual([
      '9.9.9.9',
    ]);
  });

  test('must not be asked by a sandbox that is on internal networks only', () => {
    expect(sandboxUpstreams(request(), [endpoint('172.18.0.2', false)], host)).toEqual([]);
  });

  test('must be addresses', () => {
    expect(() => {
      checkNameservers(request({ dns: { nameservers: ['9.9.9.9', 'dns.example'] } }));
    }).toThrow('name server "dns.example" of container "web" is not an IP address');
  });
});
