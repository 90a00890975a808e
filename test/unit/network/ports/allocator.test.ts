import { describe, expect, test } from 'vitest';
import { Rollback } from '../../../../engine/lib/index.ts';
import { SyscallError } from '../../../../native/index.ts';
import type { Fd } from '../../../../native/index.ts';
import type { Kernel } from '../../../../network/index.ts';
import { PortAllocator } from '../../../../network/ports/allocator.ts';
import type { PlacedPort } from '../../../../network/ports/allocator.ts';

/** Binds what nobody has bound. */
class Sockets implements Pick<Kernel, 'openSocket' | 'closeFd'> {
  readonly bound = new Map<Fd, string>();
  readonly foreign = new Set<string>();
  #last = 10;

  readonly openSocket: Kernel['openSocket'] = ({ type, bind, listen, reuseAddress }) => {
    expect({ listen, reuseAddress }).toEqual({ listen: undefined, reuseAddress: undefined });
    const name = `${type ?? ''} ${bind?.address ?? ''}:${bind?.port ?? 0}`;
    if (this.foreign.has(name) || [...this.bound.values()].includes(name))
      return Promise.reject(new SyscallError({ call: 'bind', errno: 'EADDRINUSE', purpose: name }));
    const fd = ++this.#last as Fd;
    this.bound.set(fd, name);
    return Promise.resolve(fd);
  };

  readonly closeFd: Kernel['closeFd'] = (fd) => {
    if (!this.bound.delete(fd)) throw new Error(`descriptor ${fd} is not open`);
  };
}

function port(published: number, more: Partial<PlacedPort> = {}): PlacedPort {
  const { hostIp = '' } = more;
  const hostIps = [hostIp === '' ? '0.0.0.0' : hostIp];
  return { protocol: 'tcp', hostIp, hostIps, published, target: 80, ...more };
}

function printed(hostIp: string): string {
  if (hostIp === '') return '0.0.0.0';
  return hostIp.includes(':') ? `[${hostIp}]` : hostIp;
}

const web = { id: 'a', name: 'web' };
const other = { id: 'b', name: 'other' };

describe('published ports', () => {
  test('must be bound without listening, in the order of the request', async () => {
    const sockets = new Sockets();
    const ports = new PortAllocator(sockets);
    const requests = [port(0), port(8080), port(8080, { protocol: 'udp', hostIp: '127.0.0.1' })];
    const { bindings, handOver } = await ports.reserve(requests, web, new Rollback());
    expect(bindings.slice(1)).toEqual([
      { protocol: 'tcp', hostIp: '0.0.0.0', published: 8080, target: 80 },
      { protocol: 'udp', hostIp: '127.0.0.1', published: 8080, target: 80 },
    ]);
    expect(handOver().map((fd) => sockets.bound.get(fd))).toEqual([
      `stream 0.0.0.0:${bindings[0]?.published ?? 0}`,
      'stream 0.0.0.0:8080',
      'dgram 127.0.0.1:8080',
    ]);
  });

  test.each([
    { name: 'the same address', first: '127.0.0.1', second: '127.0.0.1', clashes: true },
    { name: 'every address over one', first: '127.0.0.1', second: '', clashes: true },
    { name: 'one address under every', first: '', second: '127.0.0.1', clashes: true },
    { name: 'two addresses', first: '127.0.0.1', second: '127.0.0.2', clashes: false },
    { name: 'two families', first: '', second: '::', clashes: false },
    { name: 'every address of IPv6', first: '::', second: 'fd00::1', clashes: true },
  ])('of two containers: $name', async ({ first, second, clashes }) => {
    const ports = new PortAllocator(new Sockets());
    await ports.reserve([port(8080, { hostIp: first })], web, new Rollback());
    const attempt = ports.reserve([port(8080, { hostIp: second })], other, new Rollback());
    if (!clashes) await expect(attempt).resolves.toBeDefined();
    else
      await expect(attempt).rejects.toMatchObject({
        code: 'port-in-use',
        message: `address ${printed(second)}:8080 is already in use`,
        hint: 'container "web" holds it; stop it or publish another port',
      });
  });

  test('of several addresses must have one port on all of them, or none', async () => {
    const sockets = new Sockets();
    const ports = new PortAllocator(sockets);
    const hostIps = ['0.0.0.0', '::'];
    sockets.foreign.add('stream :::8080');
    const request = port(8080, { hostIps, lastPublished: 8081 });
    const { bindings, handOver } = await ports.reserve([request], web, new Rollback());
    expect(bindings.map(({ hostIp, published }) => `${hostIp} ${published}`)).toEqual([
      '0.0.0.0 8081',
      ':: 8081',
    ]);
    expect(handOver()).toHaveLength(2);
    expect([...sockets.bound.values()]).toEqual(['stream 0.0.0.0:8081', 'stream :::8081']);
    await ports.reserve([port(8080)], other, new Rollback());
  });

  test('that fail must give back those that did not', async () => {
    const sockets = new Sockets();
    const ports = new PortAllocator(sockets);
    sockets.foreign.add('stream 0.0.0.0:65533');
    const attempt = Rollback.guard((rollback) =>
      ports.reserve([port(8080), port(65533)], web, rollback),
    );
    await expect(attempt).rejects.toMatchObject({
      code: 'port-in-use',
      hint: 'another program holds it; stop it or publish another port',
    });
    expect(sockets.bound.size).toBe(0);
    await ports.reserve([port(8080)], other, new Rollback());
  });

  test('of a failed open must stay taken until whoever was handed their sockets has closed them', async () => {
    const sockets = new Sockets();
    const ports = new PortAllocator(sockets);
    let fds: readonly Fd[] = [];
    const attempt = Rollback.guard(async (rollback) => {
      const { handOver } = await ports.reserve([port(8080), port(8081)], web, rollback);
      fds = handOver();
      throw new Error('the rest has failed');
    });
    await expect(attempt).rejects.toThrow('the rest has failed');
    const again = ports.reserve([port(8081)], other, new Rollback());
    await expect(again).rejects.toMatchObject({ fields: { container: 'web' } });
    for (const fd of fds) sockets.closeFd(fd);
    ports.socketsClosed(web.id);
    await ports.reserve([port(8080), port(8081)], other, new Rollback());
    ports.socketsClosed(web.id);
    await expect(ports.reserve([port(8080)], web, new Rollback())).rejects.toThrow();
  });

  test('that were adopted are taken until they are released', async () => {
    const ports = new PortAllocator(new Sockets());
    const binding = { protocol: 'tcp', hostIp: '0.0.0.0', published: 8080, target: 80 } as const;
    ports.adopt([binding], web);
    await expect(ports.reserve([port(8080)], other, new Rollback())).rejects.toMatchObject({
      code: 'port-in-use',
    });
    ports.release([binding], other.id);
    await expect(ports.reserve([port(8080)], other, new Rollback())).rejects.toThrow();
    ports.release([binding], web.id);
    await ports.reserve([port(8080)], other, new Rollback());
  });

  test('that are ephemeral must differ and pass over what others hold', async () => {
    const sockets = new Sockets();
    const ports = new PortAllocator(sockets);
    const requests = Array.from({ length: 100 }, () => port(0));
    const { bindings } = await ports.reserve(requests, web, new Rollback());
    expect(new Set(bindings.map(({ published }) => published)).size).toBe(100);
    const next = (bindings.at(-1)?.published ?? 0) + 1;
    sockets.foreign.add(`stream 0.0.0.0:${next}`);
    const { bindings: more } = await ports.reserve([port(0)], other, new Rollback());
    expect(more[0]?.published).not.toBe(next);
  });

  test('of a range must be the first that is free, whoever has those before it', async () => {
    const sockets = new Sockets();
    const ports = new PortAllocator(sockets);
    sockets.foreign.add('stream 0.0.0.0:8001');
    await ports.reserve([port(8000)], other, new Rollback());
    const range = port(8000, { lastPublished: 8003 });
    const { bindings } = await ports.reserve([range, range], web, new Rollback());
    expect(bindings.map(({ published }) => published)).toEqual([8002, 8003]);
    await expect(ports.reserve([range], web, new Rollback())).rejects.toMatchObject({
      code: 'port-in-use',
      message: 'every tcp port from 8000 to 8003 is already in use',
      hint: 'of 8000: container "other" holds it; stop it or publish another port',
      fields: { port: 8000, container: 'other' },
    });
  });

  test('with fewer to choose from must be served first, in whatever order they were asked for', async () => {
    const ports = new PortAllocator(new Sockets());
    const requests = [port(8000, { lastPublished: 8002 }), port(8000, { lastPublished: 8001 })];
    const { bindings } = await ports.reserve([...requests, port(8000)], web, new Rollback());
    expect(bindings.map(({ published }) => published)).toEqual([8002, 8001, 8000]);
  });

  test('of SCTP must be refused by name where the kernel has none', async () => {
    const openSocket: Kernel['openSocket'] = ({ type = '' }) =>
      Promise.reject(new SyscallError({ call: 'socket', errno: 'EPROTONOSUPPORT', purpose: type }));
    const ports = new PortAllocator({ openSocket, closeFd: () => undefined });
    await expect(
      ports.reserve([port(9000, { protocol: 'sctp' })], web, new Rollback()),
    ).rejects.toMatchObject({
      code: 'unsupported',
      message:
        'this kernel has no SCTP (CONFIG_IP_SCTP): sctp port 9000 cannot be published on 0.0.0.0',
      hint: 'load the module "sctp", or leave the port out',
    });
  });

  test.each([
    [port(80, { lastPublished: 79 }), '80-79 is not a range of ports'],
    [port(0, { lastPublished: 79 }), '0-79 is not a range of ports'],
    [port(80, { lastPublished: 65_536 }), '80-65536 is not a range of ports'],
    [port(-1), '-1 is not a port'],
    [port(65536), '65536 is not a port'],
    [port(1.5), '1.5 is not a port'],
    [port(80, { target: 0 }), '0 is not a port'],
    [port(80, { hostIp: 'localhost' }), '"localhost" is not an IP address'],
  ])('%j must be refused before anything is bound', async (request, message) => {
    const sockets = new Sockets();
    const attempt = new PortAllocator(sockets).reserve([port(8080), request], web, new Rollback());
    await expect(attempt).rejects.toThrow(message);
    expect(sockets.bound.size).toBe(0);
  });
});
