import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { EngineError } from '../../../../engine/api/index.ts';
import { portRequests } from '../../../../engine/containers/network-request.ts';
import { Rollback } from '../../../../engine/lib/index.ts';
import type { Fd } from '../../../../native/index.ts';
import { isNetworkError } from '../../../../network/errors.ts';
import { PortAllocator } from '../../../../network/ports/allocator.ts';
import { placePort } from '../../../../network/ports/place.ts';
import { fuzz, textOf } from '../../compose/lib/fuzz.ts';

const numbers = [
  '0',
  '1',
  '80',
  '080',
  '65535',
  '65536',
  '99999',
  '-',
  '-1',
  '80-82',
  '82-80',
  ' ',
];
const port = textOf([...numbers, '/', 'tcp', 'udp', 'sctp', 'icmp'], 6);
const hostPort = textOf(numbers, 4);
const address = textOf(
  ['0', '1', '255', '.', ':', '::', 'ffff', '[', ']', '%', 'eth0', '127.0.0.1'],
  10,
);

/** Every socket is had, so that what is refused is refused for its words. */
const sockets = {
  openSocket: () => Promise.resolve(3 as Fd),
  closeFd: () => undefined,
};

describe('port and address forms', () => {
  test('of a request must become ports that can be had, or be refused by a typed error', () => {
    fuzz(
      fc.property(port, hostPort, address, (key, published, hostIp) => {
        try {
          const found = portRequests(
            { PortBindings: { [key]: [{ HostIp: hostIp, HostPort: published }] } },
            {},
          );
          for (const { target, published: first, lastPublished = first } of found) {
            expect(target).toBeGreaterThan(0);
            expect(first).toBeLessThanOrEqual(lastPublished);
            expect(lastPublished).toBeLessThanOrEqual(65_535);
          }
        } catch (error) {
          if (!(error instanceof EngineError)) throw error;
        }
      }),
    );
  });

  test('of the network must be reserved as they are shown, or be refused by a typed error', async () => {
    const ask = fc.asyncProperty(
      address,
      fc.integer({ min: -2, max: 65_540 }).filter((one) => one !== 0),
      async (hostIp, number) => {
        const request = { protocol: 'tcp', hostIp, published: number, target: 80 } as const;
        try {
          const placed = placePort(request, {
            request: { name: 'web' },
            attached: [],
            endpoints: [],
            isRelayed: true,
          });
          const ports = new PortAllocator(sockets);
          const holder = { id: 'a', name: 'web' };
          const { bindings } = await ports.reserve([placed], holder, new Rollback());
          for (const binding of bindings) expect(binding.hostIp).not.toMatch(/[^0-9a-f.:]/);
          // What is shown is what is taken: nobody else can have it.
          await expect(ports.reserve([placed], holder, new Rollback())).rejects.toThrow(
            'already in use',
          );
        } catch (error) {
          if (!isNetworkError(error)) throw error;
        }
      },
    );
    await fc.assert(ask, { seed: 20_261_201, numRuns: 3_000 });
  });
});
