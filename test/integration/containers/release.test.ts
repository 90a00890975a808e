/** The end of a container is told before the kernel has taken its links down: nobody may be refused because of that. */
import { describe, expect, test } from 'vitest';
import type { ContainerCreateRequest } from '../../../engine/api/index.ts';
import { absent, run, sh, useEngine } from './support.ts';
import type { Subject } from './support.ts';

const sleeps = sh('exec sleep 1000');
/** What is told too early shows only now and then. */
const rounds = 10;

describe.skipIf(absent.length > 0)(
  `what an ended container held (missing: ${absent.join() || 'nothing'})`,
  () => {
    const subject = useEngine();

    test('its fixed address must be free for the next', async () => {
      await createNetwork(subject(), 'fixed', '172.31.91.0/24');
      const request = attached('fixed', '172.31.91.9');
      for (let round = 0; round < rounds; round++) {
        const id = await run(subject(), sleeps, request);
        expect(await kill(subject(), id)).toBe(137);
      }
    });

    test('the only address of its network must be free for the next', async () => {
      await createNetwork(subject(), 'narrow', '172.31.92.0/30');
      for (let round = 0; round < rounds; round++) {
        const id = await run(subject(), sleeps, attached('narrow'));
        const { NetworkSettings } = await subject().client.containers.inspect(id);
        expect(NetworkSettings.Networks['narrow']?.IPAddress).toBe('172.31.92.2');
        await kill(subject(), id);
      }
    });

    test('its published port must be the next one’s, and stay that', async () => {
      const serve = (text: string): readonly string[] =>
        sh(`mkdir -p /w; echo ${text} > /w/index.html; exec busybox httpd -f -p 80 -h /w`);
      const request: ContainerCreateRequest = {
        ExposedPorts: { '80/tcp': {} },
        HostConfig: { PortBindings: { '80/tcp': [{ HostIp: '127.0.0.1', HostPort: '18091' }] } },
      };
      for (let round = 0; round < rounds; round++) {
        const first = await run(subject(), serve('first'), request);
        await kill(subject(), first);
        const second = await run(subject(), serve(`round${round}`), request);
        // Longer than the removal of the first one's links takes.
        for (let ask = 0; ask < 5; ask++) {
          expect(await answer('http://127.0.0.1:18091/')).toBe(`round${round}\n`);
        }
        await kill(subject(), second);
      }
    });

    test('its network must be there to be removed, and show nobody', async () => {
      for (let round = 0; round < rounds; round++) {
        await createNetwork(subject(), 'passing', '172.31.93.0/24');
        const id = await run(subject(), sleeps, attached('passing'));
        await kill(subject(), id);
        expect((await subject().client.networks.inspect('passing')).Containers).toEqual({});
        await subject().client.networks.remove('passing');
      }
    });

    test('it must start again, and be removed, at once', async () => {
      const id = await run(subject(), sleeps);
      for (let round = 0; round < rounds; round++) {
        await kill(subject(), id);
        await subject().client.containers.start(id);
      }
      await kill(subject(), id);
      await subject().client.containers.remove(id);
    });
  },
);

async function kill({ client }: Subject, id: string): Promise<number> {
  const { exited } = await client.containers.watchExit(id);
  await client.containers.kill(id);
  return (await exited).StatusCode;
}

async function createNetwork({ client }: Subject, Name: string, Subnet: string): Promise<void> {
  await client.networks.create({ Name, Driver: 'bridge', IPAM: { Config: [{ Subnet }] } });
}

function attached(network: string, IPv4Address?: string): ContainerCreateRequest {
  const IPAMConfig = IPv4Address === undefined ? {} : { IPAMConfig: { IPv4Address } };
  return {
    HostConfig: { NetworkMode: network },
    NetworkingConfig: { EndpointsConfig: { [network]: IPAMConfig } },
  };
}

/** The program may not listen yet. */
async function answer(url: string): Promise<string> {
  for (let attempt = 0; ; attempt++) {
    try {
      return await (await fetch(url, { headers: { connection: 'close' } })).text();
    } catch (error) {
      if (attempt === 100) throw error;
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
}
