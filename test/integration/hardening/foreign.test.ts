/** The same questions to containers that crun and runc make from the same specification: where they differ, and why. */
import { describe, expect, test } from 'vitest';

import { absentForDocker, useDockerEngine } from '../../lib/docker-engine.ts';
import { missing } from '../../lib/requires.ts';
import { ask, isAsExpected, probes } from './probes.ts';

const absent = [...absentForDocker, ...missing('crun', 'runc')];
const title = `hardening beside other runtimes (missing: ${absent.join() || 'nothing'})`;

/**
 * What another runtime answers otherwise than the table of reliability-security.md §2, which ours answers throughout
 * (probes.test.ts). In none of them is ours the weaker one.
 */
const explained: Readonly<Record<'crun' | 'runc', Readonly<Record<string, string>>>> = {
  crun: {
    // With cgroup v1 its top is a tmpfs, whose files count as the container's memory; what is mounted on it is read-only.
    'the mount at /sys/fs/cgroup': 'tmpfs rw,nosuid,nodev,noexec,relatime,size=1024k',
    // Allows the console by a rule of its own, whether there is a terminal or not.
    'c 5:1 stays closed': 'open',
  },
  runc: {
    'the mount at /sys/fs/cgroup': 'tmpfs rw,nosuid,nodev,noexec,relatime,mode=755',
    // /dev/net/tun was among its own rules until 1.2.
    'c 10:200 stays closed': 'open',
    // Links /dev/core only where it can open /proc/kcore.
    '/dev holds these':
      'fd full mqueue null ptmx pts random shm stderr stdin stdout tty urandom zero',
  },
};

describe.skipIf(absent.length > 0)(title, () => {
  const tools = useDockerEngine();

  test.each(['crun', 'runc'] as const)(
    '%s must differ only where it is explained',
    async (name) => {
      const { answers } = await ask(tools, ['--runtime', name]);
      expect(answers).toHaveLength(probes.length);
      const differing = probes.flatMap(([question, , expected], index) =>
        isAsExpected(expected, answers[index]) ? [] : [[question, answers[index]] as const],
      );
      expect(Object.fromEntries(differing)).toEqual(explained[name]);
    },
  );
});
