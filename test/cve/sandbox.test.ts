/**
 * Attacks on the making of a sandbox that succeeded elsewhere, by the numbers of reliability-security.md §3.1: images
 * that put links where the engine mounts, directories outside, parameters that are two.
 */
import { execFileSync } from 'node:child_process';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { absentForDocker, useDockerEngine } from '../lib/docker-engine.ts';
import { tempDir, type TempDir } from '../lib/temp-dir.ts';
import { makeImage } from './image.ts';

const title = `sandboxes (missing: ${absentForDocker.join() || 'nothing'})`;

describe.skipIf(absentForDocker.length > 0)(title, () => {
  const tools = useDockerEngine();
  let dir: TempDir;

  beforeAll(async () => {
    dir = await tempDir();
    mkdirSync(join(dir.path, 'canary'), { mode: 0o777 });
  });
  afterAll(async () => {
    await dir[Symbol.asyncDispose]();
  });

  /** An image with busybox and what `fill` puts beside it. */
  async function image(fill: (root: string) => void): Promise<string> {
    return await makeImage(tools.docker, dir.path, fill);
  }

  const canary = (): string => join(dir.path, 'canary');
  /** Whoever followed a link to here would make it. */
  const made = (): string => join(canary(), 'made');

  describe.each([
    ['C-07, CVE-2026-41579 CVE-2026-47766', ['dev', 'dev/pts', 'dev/shm', 'dev/mqueue', 'sys']],
    ['C-06, C-09, CVE-2019-19921 CVE-2023-27561', ['proc', 'proc/sys']],
  ])('%s', (_id, places) => {
    const targets = [
      ['absolute', made],
      ['relative', () => `../../../../../../../../..${made()}`],
      ['through a process', () => `/proc/self/root${made()}`],
    ] as const;

    test.each(
      places.flatMap((place) => targets.map(([kind, target]) => [place, kind, target] as const)),
    )('an image whose /%s is a link, %s', async (place, _kind, target) => {
      const name = await image((root) => {
        mkdirSync(join(root, place, '..'), { recursive: true });
        symlinkSync(target(), join(root, place));
      });
      const options = ['--sysctl', 'net.core.somaxconn=77', name];
      const { code } = await tools.docker.run('run', '--rm', ...options, 'true');
      // Refused or mounted below its own root: both are right, and nothing may be made on the host.
      expect([0, 125, 126, 127, 128]).toContain(code);
      expect(readdirSync(canary())).toEqual([]);
    });
  });

  test.each([
    ['C-07', 'dev', '[ -c /dev/null ]'],
    ['C-06', 'proc', '[ -e /proc/self/exe ]'],
  ])('%s: a link at /%s must be followed in the image alone', async (_id, place, check) => {
    const name = await image((root) => {
      mkdirSync(join(root, canary()), { recursive: true });
      symlinkSync(canary(), join(root, place));
    });
    const { stdout } = await tools.docker.run(
      'run',
      '--rm',
      name,
      'sh',
      '-c',
      `${check} && echo works`,
    );
    expect(stdout).toBe('works\n');
    expect(readdirSync(canary())).toEqual([]);
  });

  describe('C-04, CVE-2025-31133: what hides a path is not the image’s', () => {
    test.each([
      [
        '/dev/null as a link to a host file',
        (root: string) => {
          mkdirSync(join(root, 'dev'));
          symlinkSync('/proc/sys/kernel/core_pattern', join(root, 'dev/null'));
        },
      ],
      [
        '/dev/null as a file',
        (root: string) => {
          mkdirSync(join(root, 'dev'));
          writeFileSync(join(root, 'dev/null'), 'own');
        },
      ],
    ])('%s', async (_name, fill) => {
      const name = await image(fill);
      const script = 'wc -c < /proc/keys; stat -c "%F %t:%T" /dev/null';
      expect(await tools.docker.ok('run', '--rm', name, 'sh', '-c', script)).toBe(
        '0\ncharacter special file 1:3',
      );
    });
  });

  describe('C-03, CVE-2024-21626: a working directory must lie inside', () => {
    const numbers = Array.from({ length: 12 }, (_, index) => index + 3);

    test.each(numbers)('/proc/self/fd/%i', async (number) => {
      for (const below of ['', '/..', '/../../..']) {
        const directory = `/proc/self/fd/${number}${below}`;
        const { stdout } = await tools.attempt(
          ['-w', directory],
          'sh',
          '-c',
          'ls -d etc/shadow ../../../../etc/shadow; true',
        );
        expect(stdout).toBe('');
      }
    });

    test('of an exec', async () => {
      const id = await tools.docker.ok('run', '-d', 'app', 'sleep', '1000');
      for (const number of numbers) {
        const args = [
          'exec',
          '-w',
          `/proc/self/fd/${number}`,
          id,
          '/bin/busybox',
          'ls',
          '../../../etc/shadow',
        ];
        expect((await tools.docker.run(...args)).code).not.toBe(0);
      }
    });
  });

  test('C-11, CVE-2022-29162 CVE-2022-24769: no capability must be inheritable', async () => {
    const id = await tools.docker.ok(
      'run',
      '-d',
      '--cap-add',
      'SYS_PTRACE',
      'app',
      'sleep',
      '1000',
    );
    const script = "awk '/^CapInh|^CapAmb/{print $2}' /proc/1/status /proc/self/status | sort -u";
    for (const options of [[], ['--privileged'], ['-u', '1000']]) {
      const seen = await tools.docker.ok(
        'exec',
        ...options,
        id,
        '/bin/busybox',
        'sh',
        '-c',
        script,
      );
      expect(seen).toBe('0000000000000000');
    }
  });

  test.each([
    ['kernel.core_pattern', '|/bin/x'],
    ['net.core.somaxconn', '1\nkernel.core_pattern=|/x'],
    ['net.core.somaxconn+kernel.core_pattern', '1'],
    ['net.core/../../kernel/core_pattern', 'x'],
    ['net/../kernel/core_pattern', 'x'],
    ['kernel.shm_rmid_forced\nkernel.core_pattern', '1'],
    ['fs.mqueue/../../kernel/core_pattern', 'x'],
  ])('C-17, CVE-2022-0811: the sysctl %j must be refused', (key, value) => {
    const pattern = readFileSync('/proc/sys/kernel/core_pattern', 'utf8');
    const body = JSON.stringify({
      Image: 'app',
      Cmd: ['true'],
      HostConfig: { Sysctls: { [key]: value } },
    });
    const post = (path: string, data: string): string =>
      execFileSync(
        'curl',
        [
          '-s',
          '--unix-socket',
          tools.engine.socket,
          '-H',
          'Content-Type: application/json',
          '-d',
          data,
          `http://localhost/v1.51/containers/${path}`,
        ],
        { encoding: 'utf8' },
      );
    const { Id } = JSON.parse(post('create', body)) as { Id?: string };
    if (Id !== undefined) expect(post(`${Id}/start`, '')).toContain('message');
    expect(readFileSync('/proc/sys/kernel/core_pattern', 'utf8')).toBe(pattern);
  });

  test('C-18, CVE-2022-0492: no release agent must be reached', async () => {
    const script =
      'mkdir -p /m; mount -t cgroup -o rdma x /m; unshare -UrmC true; find /sys/fs/cgroup -name release_agent | while read f; do echo x > $f && echo WROTE; done; echo end';
    const { stdout } = await tools.attempt([], 'sh', '-c', script);
    expect(stdout).toBe('end\n');
  });

  test('C-24, CVE-2020-15257: no socket of ours must be abstract', async () => {
    const { stdout } = await tools.attempt(
      ['--network', 'host'],
      'sh',
      '-c',
      'grep -c "@.*tscompose" /proc/net/unix; true',
    );
    expect(stdout).toBe('0\n');
  });

  test('C-25, C-26, CVE-2021-41091: nobody else must get below the engine’s directories', () => {
    for (const root of ['state', 'run']) {
      const path = join(tools.engine.root, root);
      if (!existsSync(path)) continue;
      for (const name of readdirSync(path)) {
        const entry = join(path, name);
        if (lstatSync(entry).isDirectory())
          expect([entry, statSync(path).mode & 0o007]).toEqual([entry, 0]);
      }
    }
    expect(readdirSync(tools.engine.root)).toEqual(expect.arrayContaining(['state', 'run']));
  });

  test('C-27, CVE-2025-23266: the image’s environment must reach its program alone', async () => {
    const names = ['LD_PRELOAD', 'LD_LIBRARY_PATH', 'NODE_OPTIONS', 'BASH_ENV', 'GCONV_PATH'];
    const options = names.flatMap((name) => ['-e', `${name}=/evil.so`]);
    const id = await tools.docker.ok('run', '-d', '--init', ...options, 'app', 'sleep', '1000');
    const pid = await tools.docker.ok('inspect', '--format', '{{.State.Pid}}', id);
    const parent = /^PPid:\s*(\d+)$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? '';
    expect(readFileSync(`/proc/${parent}/environ`, 'utf8')).not.toContain('evil');
    expect(readFileSync(`/proc/${parent}/comm`, 'utf8')).toBe('tscompose-shim\n');
  });

  test.each([
    ['C-29, CVE-2020-8694', '/sys/devices/virtual/powercap'],
    ['C-29, GHSA-6fw5-f8r9-fgfm', '/proc/interrupts'],
    ['C-29, GHSA-jq35-85cj-fj4p', '/sys/devices/system/cpu/cpu0/thermal_throttle'],
    ['C-30, CVE-2018-10892', '/proc/acpi'],
    ['C-30', '/proc/keys'],
    ['C-30', '/proc/timer_list'],
  ])('%s: %s must say nothing', async (_id, path) => {
    const script = `if [ -d ${path} ]; then ls -A ${path}; else cat ${path} 2>/dev/null; fi; true`;
    expect(await tools.output([], 'sh', '-c', script)).toBe('');
  });
});
