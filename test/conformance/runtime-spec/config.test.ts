/** A configuration that is wrong is refused at `create`, with the field that is; nothing of it is left. */
import { expect } from 'vitest';
import { family, invoke, makeBundle, makeConfig, obligation, runtime } from './support.ts';
import type { Config } from './support.ts';

const namespaces = (...types: readonly string[]): Config => ({
  linux: { namespaces: types.map((type) => ({ type })) },
});
const process_ = (change: Config): Config => ({ process: change });
const mount = (change: Config): Config => ({
  mounts: [{ destination: '/mnt', type: 'tmpfs', source: 'tmpfs', ...change }],
});

/** What is wrong, the change that makes it so, the field that is named. */
const wrong: readonly (readonly [what: string, change: Config, field: string])[] = [
  ['no version', { ociVersion: undefined }, 'ociVersion'],
  ['a version that is none', { ociVersion: 'one' }, 'ociVersion'],
  ['a version of the future', { ociVersion: '2.0.0' }, 'ociVersion'],
  ['a version that is a number', { ociVersion: 1 }, 'ociVersion'],
  ['no root', { root: undefined }, 'root'],
  ['a root that is not there', { root: { path: '/nowhere/at/all' } }, 'root.path'],
  ['a root that is a file', { root: { path: '/bin/busybox' } }, 'root.path'],
  ['no program', process_({ args: [] }), 'process.args'],
  ['a relative working directory', process_({ cwd: 'tmp' }), 'process.cwd'],
  ['no working directory', process_({ cwd: undefined }), 'process.cwd'],
  ['arguments that are a text', process_({ args: 'sh' }), 'process.args'],
  ['a negative user', process_({ user: { uid: -1, gid: 0 } }), 'process.user.uid'],
  [
    'a limit that nobody knows',
    process_({ rlimits: [{ type: 'RLIMIT_TEETH', soft: 1, hard: 1 }] }),
    'process.rlimits[0].type',
  ],
  [
    'the same limit twice',
    process_({
      rlimits: [
        { type: 'RLIMIT_CORE', soft: 0, hard: 0 },
        { type: 'RLIMIT_CORE', soft: 0, hard: 0 },
      ],
    }),
    'process.rlimits[1].type',
  ],
  [
    'a soft limit above the hard one',
    process_({ rlimits: [{ type: 'RLIMIT_CORE', soft: 2, hard: 1 }] }),
    'process.rlimits[0].soft',
  ],
  ['a score beyond its range', process_({ oomScoreAdj: 1001 }), 'process.oomScoreAdj'],
  [
    'a scheduler that nobody knows',
    process_({ scheduler: { policy: 'SCHED_NAP' } }),
    'process.scheduler.policy',
  ],
  [
    'a class of i/o that nobody knows',
    process_({ ioPriority: { class: 'IOPRIO_CLASS_NAP', priority: 1 } }),
    'process.ioPriority.class',
  ],
  ['a terminal without a socket', process_({ terminal: true }), 'process.terminal'],
  ['a namespace that nobody knows', namespaces('mount', 'dream'), 'linux.namespaces[1].type'],
  ['the same namespace twice', namespaces('mount', 'pid', 'pid'), 'linux.namespaces[2].type'],
  [
    'a host name without a namespace for it',
    { hostname: 'box', linux: { namespaces: [{ type: 'mount' }, { type: 'pid' }] } },
    'hostname',
  ],
  [
    'a namespace that is not where it is said to be',
    { linux: { namespaces: [{ type: 'mount' }, { type: 'ipc', path: '/nowhere' }] } },
    'ipc',
  ],
  ['a mount without a destination', mount({ destination: undefined }), 'mounts[0].destination'],
  [
    'a mount of nothing that is there',
    mount({ type: 'bind', source: '/nowhere', options: ['bind'] }),
    'mounts[0].source',
  ],
  ['a mount of no file system', mount({ type: 'no-such-fs' }), '/mnt'],
  ['options that are a text', mount({ options: 'ro' }), 'mounts[0].options'],
  ['a tmpfs with an option that is none', mount({ options: ['teeth=32'] }), '/mnt'],
  [
    'a propagation that is none',
    { linux: { rootfsPropagation: 'sideways' } },
    'linux.rootfsPropagation',
  ],
  [
    'a parameter of the host',
    { linux: { sysctl: { 'kernel.panic': '1' } } },
    'linux.sysctl.kernel.panic',
  ],
  [
    'a parameter of the network without one of its own',
    {
      linux: {
        namespaces: [{ type: 'mount' }, { type: 'uts' }],
        sysctl: { 'net.ipv4.ip_forward': '1' },
      },
    },
    'linux.sysctl.net.ipv4.ip_forward',
  ],
  [
    'a device of no type',
    { linux: { devices: [{ path: '/dev/x', type: 'x', major: 1, minor: 3 }] } },
    'linux.devices[0].type',
  ],
  [
    'an action of seccomp that nobody knows',
    { linux: { seccomp: { defaultAction: 'SCMP_ACT_NAP' } } },
    'SCMP_ACT_NAP',
  ],
  [
    'an operator of seccomp that nobody knows',
    {
      linux: {
        seccomp: {
          defaultAction: 'SCMP_ACT_ALLOW',
          syscalls: [
            {
              names: ['mkdir'],
              action: 'SCMP_ACT_ERRNO',
              args: [{ index: 0, value: 0, op: 'SCMP_CMP_NAP' }],
            },
          ],
        },
      },
    },
    'SCMP_CMP_NAP',
  ],
  [
    'clocks without a namespace for them',
    { linux: { timeOffsets: { boottime: { secs: 1 } } } },
    'linux.timeOffsets',
  ],
  [
    'a personality that nobody knows',
    { linux: { personality: { domain: 'SPLIT' } } },
    'linux.personality.domain',
  ],
  [
    'a hook that is not a path',
    { hooks: { createRuntime: [{ path: 'hook.sh' }] } },
    'hooks.createRuntime[0].path',
  ],
  [
    'a group outside of the hierarchies',
    { linux: { cgroupsPath: '/../../outside' } },
    'linux.cgroupsPath',
  ],
];

family('configurations that are wrong', () => {
  for (const [what, change, field] of wrong) {
    obligation(`${what} is refused`, async () => {
      const { id, path } = makeBundle(makeConfig(['true'], change));
      const { code, stderr } = await invoke(['create', '--bundle', path, id]);
      const state = await invoke(['state', id]);
      await invoke(['delete', '--force', id]);
      expect(code).not.toBe(0);
      if (runtime !== 'tscompose') return;
      expect(stderr).toContain(field);
      expect(state.code).not.toBe(0);
    });
  }

  obligation('what a later version adds is passed over', async () => {
    const { id, path } = makeBundle(
      makeConfig(['true'], { future: { teeth: 32 }, linux: { future: true } }),
    );
    const { code } = await invoke(['create', '--bundle', path, id]);
    await invoke(['delete', '--force', id]);
    expect(code).toBe(0);
  });
});
