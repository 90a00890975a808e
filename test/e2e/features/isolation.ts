/** What a container may do, and how much of it. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import type { Scenario, Stage } from '../../lib/stage.ts';

export const isolationScenarios: readonly Scenario[] = [
  { name: 'capabilities, privileges, seccomp', project: 'privileges', play: privileges },
  { name: 'limits are the kernel’s', project: 'limits', play: limits },
  { name: 'devices', project: 'devices', play: devices },
];

async function privileges(stage: Stage): Promise<void> {
  await stage.compose('up', '-d');
  const facts = async (service: string): Promise<string> =>
    [
      await stage.status(service, 'CapEff'),
      await stage.status(service, 'NoNewPrivs'),
      await stage.status(service, 'Seccomp'),
    ].join(' ');
  // Docker's fourteen, see capabilities(7) for the bits.
  expect(await facts('usual')).toBe('00000000a80425fb 0 2');
  // With bits 12 (net_admin) and 25 (sys_time).
  expect(await facts('added')).toBe('00000000aa0435fb 0 2');
  expect(await facts('dropped')).toBe('0000000000000400 1 2');
  expect(await facts('unconfined')).toBe('00000000a80425fb 0 0');
  const own = readFileSync('/proc/self/status', 'utf8');
  const ownCapabilities = /^CapEff:\s*(\S+)/m.exec(own)?.[1] ?? '';
  expect(await facts('all')).toBe(`${ownCapabilities} 0 0`);
  expect(
    await stage.inside('all', '[ -w /proc/sys/kernel/hostname ] && ls /dev | grep -c .'),
  ).not.toBe(await stage.inside('usual', 'ls /dev | grep -c .'));
}

/** The first of the files that the machine's cgroup version has, in the container's group. */
async function cgroup(stage: Stage, service: string, ...files: readonly string[]): Promise<string> {
  const { Id } = await stage.inspect(service);
  const top = '/sys/fs/cgroup';
  const roots = ['.', ...readdirSync(top, { withFileTypes: true }).map(({ name }) => name)];
  for (const root of roots) {
    for (const file of files) {
      try {
        return readFileSync(join(top, root, stage.engine.instance, Id, file), 'utf8').trim();
      } catch (error) {
        const { code } = error as NodeJS.ErrnoException;
        if (code !== 'ENOENT' && code !== 'ENOTDIR') throw error;
      }
    }
  }
  throw new Error(`no cgroup has ${files.join(' or ')}`);
}

async function limits(stage: Stage): Promise<void> {
  await stage.compose('up', '-d');
  expect(await stage.output('limited')).toBe('100\n0\n');
  expect(await stage.proc('limited', 'limits')).toMatch(/^Max processes +500 +600 /m);
  expect(await stage.inside('limited', 'cat /proc/sys/net/core/somaxconn')).toBe('77');
  expect(await stage.inside('limited', 'cat /proc/sys/kernel/msgmax')).toBe('4096');
  expect(await stage.inside('limited', 'df -k --output=size /dev/shm | tail -1')).toMatch(
    /^ *8192$/,
  );
  expect(await stage.proc('limited', 'oom_score_adj')).toBe('500\n');
  const read = async (service: string): Promise<readonly string[]> => [
    await cgroup(stage, service, 'memory.limit_in_bytes', 'memory.max'),
    await cgroup(stage, service, 'pids.max'),
    (await cgroup(stage, service, 'cpu.cfs_quota_us', 'cpu.max')).replace(' 100000', ''),
  ];
  expect(await read('limited')).toEqual([String(64 << 20), '20', '50000']);
  expect(await read('deployed')).toEqual([String(32 << 20), '30', '25000']);
}

async function devices(stage: Stage): Promise<void> {
  await stage.compose('up', '-d');
  expect(await stage.inside('given', 'stat -c "%F %t:%T" /dev/mine /dev/zero')).toBe(
    'character special file 1:3\ncharacter special file 1:5',
  );
  expect(await stage.inside('given', 'echo gone > /dev/mine && echo written')).toBe('written');
  expect(await stage.inside('given', 'ls /dev | grep -c mem || true')).toBe('0');
}
