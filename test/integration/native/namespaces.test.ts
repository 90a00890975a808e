import { existsSync, readdirSync, readlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import {
  closeFd,
  createNetworkNamespace,
  openNamespace,
  openSocket,
  readSysctl,
  removeNetworkNamespace,
  socketPort,
  writeSysctl,
  type Fd,
} from '../../../native/index.ts';
import { tempDir } from '../../lib/temp-dir.ts';
import { errnoOf, errnoOfAsync, fdLink, newDescriptors, openDescriptors } from './support.ts';

/** The namespaces that the threads of this process are in. */
function threadNamespaces(): string[] {
  const threads = readdirSync('/proc/self/task');
  return [...new Set(threads.map((thread) => readlinkSync(`/proc/self/task/${thread}/ns/net`)))];
}

async function inNamespace(check: (netns: Fd, path: string) => Promise<void>): Promise<void> {
  await using dir = await tempDir();
  const path = join(dir.path, 'netns');
  const netns = await createNetworkNamespace(path);
  try {
    await check(netns, path);
  } finally {
    closeFd(netns);
    removeNetworkNamespace(path);
    expect(existsSync(path)).toBe(false);
  }
}

describe('network namespaces', () => {
  test('a new one must be another one, and no thread of ours be in it', () =>
    inNamespace((netns, path) => {
      const own = readlinkSync('/proc/self/ns/net');
      expect(fdLink(netns)).toMatch(/^net:\[\d+\]$|\/netns$/);
      expect(threadNamespaces()).toEqual([own]);
      const opened = openNamespace(path);
      expect(fdLink(opened)).not.toBe(own);
      closeFd(opened);
      return Promise.resolve();
    }));

  test('a path that exists must be refused and left alone', () =>
    inNamespace(async (_netns, path) => {
      expect(await errnoOfAsync(createNetworkNamespace(path))).toBe('EEXIST');
      closeFd(openNamespace(path));
    }));

  test('a file that is no network namespace must not be opened as one', async () => {
    await using dir = await tempDir();
    const path = join(dir.path, 'file');
    writeFileSync(path, '');
    expect(errnoOf(() => openNamespace(path))).toBe('EINVAL');
    expect(errnoOf(() => openNamespace('/proc/self/ns/mnt'))).toBe('EINVAL');
    expect(errnoOf(() => openNamespace(join(dir.path, 'none')))).toBe('ENOENT');
  });

  test('what an interrupted creation has left must be removable', async () => {
    await using dir = await tempDir();
    const path = join(dir.path, 'netns');
    writeFileSync(path, '');
    removeNetworkNamespace(path);
    expect(existsSync(path)).toBe(false);
    expect(
      errnoOf(() => {
        removeNetworkNamespace(path);
      }),
    ).toBe('ENOENT');
  });

  test('fifty at once must all be made and leave nothing', async () => {
    await using dir = await tempDir();
    const before = openDescriptors();
    const paths = Array.from({ length: 50 }, (_, index) => join(dir.path, `n${index}`));
    const made = await Promise.all(paths.map((path) => createNetworkNamespace(path)));
    expect(new Set(paths.map((path) => statNamespace(path))).size).toBe(50);
    made.forEach(closeFd);
    paths.forEach(removeNetworkNamespace);
    expect(newDescriptors(before)).toEqual([]);
    expect(threadNamespaces()).toHaveLength(1);
  });
});

function statNamespace(path: string): string {
  const fd = openNamespace(path);
  const link = fdLink(fd);
  closeFd(fd);
  return link;
}

describe('openSocket', () => {
  test('a socket must belong to the namespace it was asked for', () =>
    inNamespace(async (netns) => {
      // Loopback is down in a new namespace and up in the test's own, and only there a port can be taken twice.
      const bind = { address: '127.0.0.1', port: 0 };
      const outside = await openSocket({ family: 'inet', bind, listen: 1 });
      const port = socketPort(outside);
      const inside = await openSocket({
        netns,
        family: 'inet',
        bind: { ...bind, port },
        listen: 1,
      });
      expect(socketPort(inside)).toBe(port);
      expect(await errnoOfAsync(openSocket({ family: 'inet', bind: { ...bind, port } }))).toBe(
        'EADDRINUSE',
      );
      [inside, outside].forEach(closeFd);
    }));

  test('a bound port must be reserved without a listener, unless it is reusable', async () => {
    const bind = { address: '0.0.0.0', port: 0 };
    const reserved = await openSocket({ family: 'inet', bind });
    const again = { ...bind, port: socketPort(reserved) };
    const second = openSocket({ family: 'inet', bind: again, reuseAddress: true });
    expect(await errnoOfAsync(second)).toBe('EADDRINUSE');
    closeFd(reserved);
    closeFd(await openSocket({ family: 'inet', bind: again }));
  });

  test('the IPv4 and the IPv6 wildcard of a port must not exclude each other', async () => {
    const first = await openSocket({ family: 'inet', bind: { address: '0.0.0.0', port: 0 } });
    const port = socketPort(first);
    const second = await openSocket({ family: 'inet6', bind: { address: '::', port } });
    expect(socketPort(second)).toBe(port);
    [first, second].forEach(closeFd);
  });

  test('an address of the wrong family must be a TypeError', () => {
    expect(() => openSocket({ family: 'inet', bind: { address: '::1', port: 1 } })).toThrow(
      TypeError,
    );
    expect(() => openSocket({ family: 'inet6', bind: { address: '127.0.0.1', port: 1 } })).toThrow(
      TypeError,
    );
  });

  test('an address that is not ours must be refused by name of the call', async () => {
    const socket = openSocket({ family: 'inet', bind: { address: '192.0.2.1', port: 80 } });
    await expect(socket).rejects.toMatchObject({ call: 'bind', errno: 'EADDRNOTAVAIL' });
  });
});

describe('sysctls', () => {
  test('one of a namespace must change there and nowhere else', () =>
    inNamespace(async (netns) => {
      const name = 'net/ipv4/ip_default_ttl';
      const outside = await readSysctl({ name });
      await writeSysctl({ netns, name, value: '42' });
      expect(await readSysctl({ netns, name })).toBe('42');
      expect(await readSysctl({ name })).toBe(outside);
    }));

  test.each(['../self/status', 'net/../../self/status', '/../../etc/passwd'])(
    'the name %s must not lead out of /proc/sys',
    async (name) => {
      expect(await errnoOfAsync(readSysctl({ name }))).toBe('ENOENT');
    },
  );

  test('a value the kernel refuses must be an error', () =>
    inNamespace(async (netns) => {
      const written = writeSysctl({ netns, name: 'net/ipv4/ip_default_ttl', value: 'many' });
      expect(await errnoOfAsync(written)).toBe('EINVAL');
    }));
});
