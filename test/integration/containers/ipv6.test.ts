import { describe, expect, test } from 'vitest';
import type { ContainerCreateRequest } from '../../../engine/api/index.ts';
import { absent, failure, run, useEngine } from './support.ts';

const sleeping = ['sleep', '1000'];

describe.skipIf(absent.length > 0)(
  `containers on networks with IPv6 (missing: ${absent.join() || 'nothing'})`,
  () => {
    const subject = useEngine();

    async function ask(id: string, script: string): Promise<string> {
      const chunks: Uint8Array[] = [];
      await subject().client.execs.run(
        id,
        { Cmd: ['sh', '-c', script] },
        { onOutput: (_stream, bytes) => chunks.push(bytes) },
      );
      return Buffer.concat(chunks).toString().trim();
    }

    const on = (name: string, endpoint: object = {}): ContainerCreateRequest => ({
      HostConfig: { NetworkMode: name },
      NetworkingConfig: { EndpointsConfig: { [name]: endpoint } },
    });

    test('must be shown with both addresses, and be known by both', async () => {
      const { client } = subject();
      const { Id } = await client.networks.create({ Name: 'dual', EnableIPv6: true });
      const db = await run(subject(), sleeping, on('dual', { Aliases: ['store'] }));
      const web = await run(subject(), sleeping, on('dual'));
      const network = await client.networks.inspect(Id);
      expect(network).toMatchObject({ EnableIPv4: true, EnableIPv6: true });
      const [ipv4, ipv6] = network.IPAM.Config ?? [];
      const first = ipv4?.Subnet?.replace('.0/16', '.2') ?? '';
      expect(ipv6?.Subnet).toMatch(/^fd[0-9a-f]{2}:[0-9a-f:]*::\/64$/);
      expect(ipv6?.Gateway).toBe(ipv6?.Subnet?.replace('/64', '1'));
      const { NetworkSettings } = await client.containers.inspect(db);
      const address = NetworkSettings.Networks['dual']?.GlobalIPv6Address ?? '';
      expect(NetworkSettings.Networks['dual']).toMatchObject({
        IPAddress: first,
        GlobalIPv6PrefixLen: 64,
        IPv6Gateway: ipv6?.Gateway,
      });
      expect(network.Containers[db]).toMatchObject({
        IPv4Address: `${first}/16`,
        IPv6Address: `${address}/64`,
      });
      expect(await ask(web, 'getent ahostsv6 store')).toContain(address);
      expect(await ask(web, 'getent ahostsv4 store')).toContain(first);
      expect(await ask(db, 'cat /etc/hosts')).toContain(`${address}\t`);
      await subject().engine.kill();
      await subject().engine.start();
      expect(await ask(web, 'getent ahostsv6 store')).toContain(address);
      const again = await client.containers.inspect(db);
      expect(again.NetworkSettings.Networks['dual']?.GlobalIPv6Address).toBe(address);
      const other = await client.networks.create({ Name: 'other', EnableIPv6: true });
      const [, next] = (await client.networks.inspect(other.Id)).IPAM.Config ?? [];
      // Of the same /48, which outlives the engine.
      expect(next?.Subnet?.slice(0, 14)).toBe(ipv6?.Subnet?.slice(0, 14));
      expect(next?.Subnet).not.toBe(ipv6?.Subnet);
    });

    test('must have the fixed address, the interface and the sysctl they ask for', async () => {
      const { client } = subject();
      await client.networks.create({
        ...{ Name: 'fixed', EnableIPv4: false, EnableIPv6: true },
        IPAM: { Config: [{ Subnet: 'fd77:1::/64' }] },
      });
      const box = await run(
        subject(),
        sleeping,
        on('fixed', {
          IPAMConfig: { IPv6Address: 'fd77:1::9' },
          DriverOpts: {
            'com.docker.network.endpoint.ifname': 'lan',
            'com.docker.network.endpoint.sysctls': 'net.ipv6.conf.IFNAME.hop_limit=33',
          },
        }),
      );
      expect(await ask(box, 'ip -o -6 address show dev lan')).toContain('fd77:1::9/64');
      expect(await ask(box, 'ip -o -4 address show dev lan')).toBe('');
      expect(await ask(box, 'cat /proc/sys/net/ipv6/conf/lan/hop_limit')).toBe('33');
      const { NetworkSettings } = await client.containers.inspect(box);
      expect(NetworkSettings.Networks['fixed']).toMatchObject({
        ...{ IPAddress: '', IPPrefixLen: 0, Gateway: '' },
        ...{ GlobalIPv6Address: 'fd77:1::9', IPv6Gateway: 'fd77:1::1' },
      });
    });

    test.each([
      [{ EnableIPv4: false }, 'invalid-argument', 'has neither IPv4 nor IPv6'],
      [
        { IPAM: { Config: [{ Subnet: 'fd00::/64' }] } },
        'invalid-argument',
        'the network has no IPv6',
      ],
      [{ Ingress: true }, 'not-implemented', 'this engine has no networks with Ingress'],
      [{ ConfigOnly: true }, 'not-implemented', 'this engine has no networks with ConfigOnly'],
      [{ Scope: 'swarm' }, 'not-implemented', 'this engine has no networks with Scope "swarm"'],
    ])('a network of %j must be refused', async (more, kind, message) => {
      const refused = await failure(subject().client.networks.create({ Name: 'wrong', ...more }));
      expect(refused.message).toContain(message);
      expect(refused.kind).toBe(kind);
    });
  },
);
