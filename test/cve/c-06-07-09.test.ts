/**
 * What of an image lies where the kernel's own things are mounted. C-06, CVE-2025-52881, CVE-2019-19921,
 * CVE-2019-16884: what is written to /proc goes elsewhere. C-07, CVE-2026-41579, CVE-2026-47766: devices are made
 * outside. C-09, CVE-2023-27561, CVE-2023-28642: the first one again, by a link at /proc.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';

import { absentForDocker, useDockerEngine } from '../lib/docker-engine.ts';
import { tempDir, type TempDir } from '../lib/temp-dir.ts';
import { createQuick, runOnce, shell } from './containers.ts';
import { makeImage } from './image.ts';

const title = `places of the kernel (missing: ${absentForDocker.join() || 'nothing'})`;

describe.skipIf(absentForDocker.length > 0)(title, () => {
  const tools = useDockerEngine();
  let dir: TempDir;

  beforeAll(async () => {
    dir = await tempDir();
    mkdirSync(canary(), { mode: 0o777 });
  });
  afterAll(async () => {
    await dir[Symbol.asyncDispose]();
  });
  beforeEach(() => {
    expect(readdirSync(canary())).toEqual([]);
  });

  const canary = (): string => join(dir.path, 'canary');
  /** Whoever followed a link to here would make it. */
  const made = (): string => join(canary(), 'made');
  const image = (fill: (root: string) => void): Promise<string> =>
    makeImage(tools.docker, dir.path, fill);

  const targets = [
    ['absolute', made],
    ['relative', () => `../../../../../../../../..${made()}`],
    ['through a process', () => `/proc/self/root${made()}`],
  ] as const;

  const linked = (places: readonly string[]) =>
    places.flatMap((place) => targets.map(([kind, target]) => [place, kind, target] as const));

  /** Refused, or mounted below its own root: both are right, and nothing may be made on the host. */
  async function expectInside(place: string, target: string): Promise<void> {
    const name = await image((root) => {
      mkdirSync(join(root, place, '..'), { recursive: true });
      symlinkSync(target, join(root, place));
    });
    const Sysctls = { 'net.core.somaxconn': '77' };
    await runOnce(tools.engine.client, {
      Image: name,
      Cmd: shell('true'),
      HostConfig: { Sysctls },
    });
    expect(readdirSync(canary())).toEqual([]);
  }

  /** A link to a directory that the image has as well. */
  async function expectFollowed(place: string, check: string): Promise<void> {
    const name = await image((root) => {
      mkdirSync(join(root, canary()), { recursive: true });
      symlinkSync(canary(), join(root, place));
    });
    const seen = await runOnce(tools.engine.client, {
      Image: name,
      Cmd: shell(`${check} && echo works`),
    });
    expect(seen).toEqual({ code: 0, output: 'works\n' });
    expect(readdirSync(canary())).toEqual([]);
  }

  describe('C-06, CVE-2025-52881 CVE-2019-19921 CVE-2019-16884: settings must reach the kernel', () => {
    /** All that is written at a start. */
    function fill(path: string): void {
      for (const name of ['net/core', 'net/ipv4']) mkdirSync(join(path, name), { recursive: true });
      for (const name of [
        'core/somaxconn',
        'ipv4/ip_unprivileged_port_start',
        'ipv4/ping_group_range',
      ])
        writeFileSync(join(path, 'net', name), 'fake');
    }

    const fakes: readonly (readonly [name: string, fill: (path: string) => void])[] = [
      [
        'files at /proc',
        (path) => {
          fill(join(path, 'sys'));
        },
      ],
      [
        'a link at /proc/sys to a directory of the host',
        (path) => {
          fill(join(dir.path, 'elsewhere'));
          mkdirSync(path);
          symlinkSync(join(dir.path, 'elsewhere'), join(path, 'sys'));
        },
      ],
    ];

    const somaxconn = (pid: number): string =>
      execFileSync('nsenter', ['-t', String(pid), '-n', 'cat', '/proc/sys/net/core/somaxconn'], {
        encoding: 'utf8',
      }).trim();

    function victim(fake: string, place: string): Parameters<typeof createQuick>[1] {
      return {
        // A shell would look for its own program in /proc.
        Cmd: ['/bin/busybox', 'sleep', '1000'],
        HostConfig: {
          Mounts: [{ Type: 'bind', Source: fake, Target: place }],
          Sysctls: { 'net.core.somaxconn': '77' },
        },
      };
    }

    test.each(fakes)('and not %s', async (name, make) => {
      const fake = join(dir.path, name.replaceAll('/', ' '));
      make(fake);
      const { client } = tools.engine;
      const id = await createQuick(client, victim(fake, '/proc'));
      await client.containers.start(id);
      const { State } = await client.containers.inspect(id);
      expect(somaxconn(State.Pid)).toBe('77');
      expect(readFileSync(join(fake, 'sys/net/core/somaxconn'), 'utf8')).toBe('fake');
    });

    test('and not files at /proc/sys', async () => {
      const fake = join(dir.path, 'below');
      fill(fake);
      const outcome = await runOnce(tools.engine.client, victim(fake, '/proc/sys'));
      expect(outcome).toEqual({
        code: null,
        output: 'sandbox failed at sysctl "net/core/somaxconn": EXDEV',
      });
      expect(readFileSync(join(fake, 'net/core/somaxconn'), 'utf8')).toBe('fake');
    });
  });

  describe('C-07, CVE-2026-41579 CVE-2026-47766: devices must be made below the root', () => {
    test.each(linked(['dev', 'dev/pts', 'dev/shm', 'dev/mqueue', 'sys']))(
      'when /%s is a link, %s',
      async (place, _kind, target) => {
        await expectInside(place, target());
      },
    );

    test('when /dev is a link inside of the image', async () => {
      await expectFollowed('dev', '[ -c /dev/null ]');
    });
  });

  describe('C-09, CVE-2023-27561 CVE-2023-28642: /proc must be mounted below the root', () => {
    test.each(linked(['proc', 'proc/sys']))('when /%s is a link, %s', async (place, _, target) => {
      await expectInside(place, target());
    });

    test('when /proc is a link inside of the image', async () => {
      await expectFollowed('proc', '[ -e /proc/self/exe ]');
    });
  });
});
