/**
 * What of the host's kernel a container may change or reach. C-10, CVE-2023-25809: its cgroups. C-17, CVE-2022-0811:
 * parameters of the host's. C-18, CVE-2022-0492: the release agent of a hierarchy. C-28, CVE-2026-31431: AF_ALG. C-29
 * and C-30: what tells of others.
 */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { arch } from 'node:os';
import { join } from 'node:path';

import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';

import { readHostFacts } from '../../engine/runtime/host-facts.ts';
import { defaultMaskedPaths } from '../../engine/runtime/masked-paths.ts';
import { absentForDocker, useDockerEngine } from '../lib/docker-engine.ts';
import { missing } from '../lib/requires.ts';
import { tempDir, type TempDir } from '../lib/temp-dir.ts';
import { compile, runOnce, shell } from './containers.ts';
import { makeImage } from './image.ts';

const absent = [...absentForDocker, ...missing('cc')];

describe.skipIf(absent.length > 0)(`the kernel (missing: ${absent.join() || 'nothing'})`, () => {
  const tools = useDockerEngine();
  let dir: TempDir;

  beforeAll(async () => {
    dir = await tempDir();
  });
  afterAll(async () => {
    await dir[Symbol.asyncDispose]();
  });

  describe('C-10, CVE-2023-25809: nothing of a cgroup may be written', () => {
    // The container's own group is where each of them would be harmless.
    const attempts = `for group in /sys/fs/cgroup /sys/fs/cgroup/*; do
  mount -o remount,rw,bind $group 2>/dev/null && echo remounted $group
  (echo 0 >$group/cgroup.procs) 2>/dev/null && echo wrote $group
  (echo 0 >$group/notify_on_release) 2>/dev/null && echo wrote $group
  mkdir $group/canary 2>/dev/null && rmdir $group/canary && echo made $group
done; ls -d /sys/fs/cgroup/* | head -1`;

    test.each([
      ['in a cgroup namespace of its own', attempts, { CgroupnsMode: 'private' }],
      ['in the cgroup namespace of the host', attempts, { CgroupnsMode: 'host' }],
      [
        'by the root of a user namespace, which the container has made',
        `unshare -Urm sh -c '${attempts}'`,
        { CgroupnsMode: 'host', SecurityOpt: ['seccomp=unconfined'] },
      ],
      [
        'by the root of a user namespace in a cgroup namespace',
        `unshare -Urm sh -c '${attempts}'`,
        { CgroupnsMode: 'private', SecurityOpt: ['seccomp=unconfined'] },
      ],
    ])('%s', async (_, script, HostConfig) => {
      const { code, output } = await runOnce(tools.engine.client, {
        Cmd: shell(script),
        HostConfig,
      });
      expect(output).not.toMatch(/^(remounted|wrote|made) /m);
      // There was something to be written.
      expect([code, output]).toEqual([0, expect.stringMatching(/^\/sys\/fs\/cgroup\/\S+\n$/)]);
    });
  });

  describe('C-17, CVE-2022-0811: only what belongs to the container may be set', () => {
    // Of the whole machine, and harmless for as long as this test runs.
    const canary = '/proc/sys/fs/lease-break-time';
    const before = existsSync(canary) ? readFileSync(canary, 'utf8').trim() : '';
    const other = String(Number(before) + 1);

    afterEach(() => {
      writeFileSync(canary, before);
    });

    test.each([
      ['fs.lease-break-time', other],
      ['net.core.somaxconn', `1\nfs.lease-break-time=${other}`],
      ['net.core.somaxconn', `1\rfs.lease-break-time=${other}`],
      ['net.core.somaxconn+fs.lease-break-time', other],
      ['net.core/../../fs/lease-break-time', other],
      ['net/../fs/lease-break-time', other],
      ['net/core/../../fs/lease-break-time', other],
      ['fs.mqueue/../lease-break-time', other],
      ['fs/mqueue/../lease-break-time', other],
      ['kernel.shm_rmid_forced\nfs.lease-break-time', other],
      // What it is anyway: nothing changes if this is not refused.
      ['kernel.core_pattern', readFileSync('/proc/sys/kernel/core_pattern', 'utf8').trim()],
    ])('the sysctl %j must be refused', async (name, value) => {
      const outcome = await runOnce(tools.engine.client, {
        Cmd: shell('true'),
        HostConfig: { Sysctls: { [name]: value } },
      });
      expect(readFileSync(canary, 'utf8').trim()).toBe(before);
      expect(outcome).toEqual({ code: null, output: expect.stringContaining('sysctl') as string });
    });
  });

  describe('C-18, CVE-2022-0492: no hierarchy with a release agent may be mounted', () => {
    // A hierarchy of its own, which nothing on the machine is in: whatever becomes of it harms nobody.
    const mountIt = `mount -t cgroup -o none,name=tsc-canary canary /m && echo mounted
[ -e /m/release_agent ] && (: >>/m/release_agent) && echo opened`;

    test.each([
      ['by the container’s root', mountIt, []],
      ['in a user namespace of its own', `unshare -Urm sh -c '${mountIt}'`, []],
      ['by a mount of a controller', mountIt.replace('none,name=tsc-canary', 'rdma'), []],
      ['with every capability but SYS_ADMIN', mountIt, ['ALL']],
    ])('%s', async (_, script, CapAdd) => {
      const { output } = await runOnce(tools.engine.client, {
        Cmd: shell(`mkdir /m; { ${script}; } 2>/dev/null; echo end`),
        HostConfig: { CapAdd, CapDrop: CapAdd.length > 0 ? ['SYS_ADMIN'] : [] },
      });
      expect(output).toBe('end\n');
    });

    test('nor is one there', async () => {
      const script = 'find /sys/fs/cgroup -name release_agent; echo end';
      const { output } = await runOnce(tools.engine.client, { Cmd: shell(script) });
      expect(output).toBe('end\n');
    });
  });

  describe('C-28, CVE-2026-31431: families that reach the host’s kernel must be refused', () => {
    let image = '';

    beforeAll(async () => {
      const program = compile('sockets', dir.path);
      image = await makeImage(tools.docker, dir.path, (root) => {
        writeFileSync(join(root, 'sockets'), readFileSync(program), { mode: 0o755 });
      });
    });

    const requests = arch() === 'x64' ? ['64 38', '64 40', '32 38', '32 40'] : ['64 38', '64 40'];

    test.each([
      ['by default', {}],
      ['with every capability', { CapAdd: ['ALL'] }],
      ['without any', { CapDrop: ['ALL'] }],
    ])('%s', async (_, HostConfig) => {
      const seen = await runOnce(tools.engine.client, {
        Image: image,
        Cmd: ['/sockets', ...requests.flatMap((request) => request.split(' ')), '64', '1'],
        HostConfig,
      });
      // EPERM is the filter's; a kernel that lacks the family says EAFNOSUPPORT. AF_UNIX is there.
      expect(seen.output).toBe(`${requests.map((request) => `${request} 1\n`).join('')}64 1 0\n`);
    });

    // As with Docker: a filter cannot follow the pointer. Who has no 32-bit programs can forbid the call by a profile.
    test.skipIf(arch() !== 'x64')('32-bit socketcall(2) is not looked into', async () => {
      const { output } = await runOnce(tools.engine.client, {
        Image: image,
        Cmd: ['/sockets', 'multiplexed', '1'],
      });
      expect(output).toBe('multiplexed 1 0\n');
    });
  });

  /** Empty, or not there at all. */
  async function said(path: string): Promise<string> {
    const script = `if [ -d ${path} ]; then ls -A ${path}; else cat ${path} 2>/dev/null; fi; true`;
    return (await runOnce(tools.engine.client, { Cmd: shell(script) })).output;
  }

  describe('C-29, CVE-2020-8694 GHSA-6fw5-f8r9-fgfm GHSA-jq35-85cj-fj4p: no side channels', () => {
    test.each(['/sys/devices/virtual/powercap', '/proc/interrupts'])(
      '%s must say nothing',
      async (path) => {
        expect(defaultMaskedPaths).toContain(path);
        expect(await said(path)).toBe('');
      },
    );

    test('nor the throttling of any processor', async () => {
      const directory = '/sys/devices/system/cpu';
      const there = readdirSync(directory)
        .map((name) => join(directory, name, 'thermal_throttle'))
        .filter((path) => existsSync(path));
      expect(readHostFacts().thermalPaths).toEqual(there);
      expect(await said(`${directory}/cpu0/thermal_throttle`)).toBe('');
    });
  });

  describe('C-30, CVE-2018-10892: no keys and timers of the host’s', () => {
    test.each([
      '/proc/acpi',
      '/proc/kcore',
      '/proc/keys',
      '/proc/latency_stats',
      '/proc/sched_debug',
      '/proc/scsi',
      '/proc/timer_list',
      '/proc/timer_stats',
      '/sys/firmware',
    ])('%s must say nothing', async (path) => {
      expect(defaultMaskedPaths).toContain(path);
      expect(await said(path)).toBe('');
    });
  });
});
