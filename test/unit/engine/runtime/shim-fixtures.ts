/**
 * What test/fixtures/shim holds as bytes, as values. test/native/shim/fixtures.test.c reads the same files with the
 * C structures, so that neither end can change alone. `WRITE_FIXTURES=1` writes them anew from what is here.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { SandboxSpec } from '../../../../engine/runtime/sandbox-spec.ts';

const folder = join(import.meta.dirname, '../../../fixtures/shim');

export function fixture(name: string, made: Uint8Array): Buffer {
  const path = join(folder, name);
  if (!existsSync(path) && process.env['WRITE_FIXTURES'] === '1') writeFileSync(path, made);
  return readFileSync(path);
}

const none = {
  source: '',
  lowerDirs: [],
  upperDir: '',
  workDir: '',
  flags: 0,
  propagation: 0,
  data: '',
  create: 'directory',
} as const;

/** Every field differs from its neighbours, so that two that were swapped are found. */
export const fullSpec: SandboxSpec = {
  id: 'ab'.repeat(32),
  hostname: 'höst',
  domainname: 'example.org',
  namespaces: 0x2c020000,
  networkNamespace: '/run/netns/x',
  joins: [
    { kind: 'network', fd: 7 },
    { kind: 'mount', fd: 8 },
  ],
  cgroups: ['/sys/fs/cgroup/unified/x', '/sys/fs/cgroup/memory/x'],
  hasCgroup2: true,
  mounts: [
    {
      ...none,
      kind: 'overlay',
      target: '/',
      lowerDirs: ['/layers/2', '/layers/1'],
      upperDir: '/upper',
      workDir: '/work',
      data: 'index=off,volatile',
    },
    {
      ...none,
      kind: 'bind',
      target: '/etc/hosts',
      source: '/host/hosts',
      flags: 0x4000 | 0x1 | 0x400,
      propagation: 0x80000 | 0x4000,
      create: 'file',
      subpath: 'a/b',
      isReadonlyTop: true,
      owners: { fd: 9, isTopOnly: true },
    },
    { ...none, kind: 'tmpfs', target: '/tmp', flags: 0x1000000 | 0xe, create: 'nothing' },
  ],
  devices: [
    { path: '/dev/null', type: 'char', major: 1, minor: 3, mode: 0o666, uid: 4, gid: 5 },
    { path: '/dev/sda', type: 'block', major: 8, minor: 300, mode: 0o660, uid: 6, gid: 7 },
  ],
  links: [['/dev/fd', '/proc/self/fd']],
  maskedPaths: ['/proc/kcore'],
  readonlyPaths: ['/proc/sys', '/proc/bus'],
  isRootReadonly: true,
  sysctls: [['net/ipv4/ip_forward', '1']],
  process: {
    args: ['sh', '-c', ''],
    env: ['A=1', 'B='],
    cwd: '/work/dir',
    uid: 1000,
    gid: 1001,
    groups: [10, 4_000_000_000, 12],
    capabilities: {
      bounding: 0xa80425fbn,
      effective: 2n,
      permitted: 3n,
      inheritable: 4n,
      ambient: 0x1ffffffffffn,
    },
    hasNoNewPrivileges: true,
    umask: 0o027,
    rlimits: [[7, 1024n, 0xffffffffffffffffn]],
    seccomp: Uint8Array.from([6, 0, 0, 0, 0, 0, 0xff, 0x7f]),
    oomScoreAdj: -500,
    hasInit: true,
    terminal: { rows: 24, columns: 80 },
    hasInput: true,
  },
  log: { path: '/state/log', maxBytes: 10_000_000_000n, maxFiles: 3 },
  paths: { control: '/run/shim.sock', exit: '/state/exit' },
};

/** What only a container has that becomes its creator's; nothing waits in it for clients. */
const file = { uid: 0, gid: 0, mode: 0o444, content: new Uint8Array() } as const;

export const moreSpec: SandboxSpec = {
  ...fullSpec,
  mounts: [
    { ...none, kind: 'bind', target: '/', source: '/root' },
    { ...none, kind: 'tmpfs', target: '/tmp', data: 'mode=755', label: 'u:r:t:s0:c1,c2' },
    {
      ...{ ...none, kind: 'files', target: '/run/secrets', flags: 0xf },
      files: [
        { path: '/token', uid: 7, gid: 8, mode: 0o400, content: Buffer.from('a\0b') },
        { ...file, path: '/deep/er' },
      ],
    },
    {
      ...{ ...none, kind: 'files', target: '/etc/a', create: 'file' },
      files: [{ ...file, path: '/file', content: Buffer.from('text') }],
    },
  ],
  joins: [],
  process: {
    ...fullSpec.process,
    attributes: [['attr/apparmor/exec', 'exec a-profile']],
    initAttribute: ['attr/apparmor/current', 'changeprofile a-profile'],
    hasCoreScheduling: true,
  },
};

export const handoverSpec: SandboxSpec = {
  ...fullSpec,
  mounts: [
    { ...none, kind: 'bind', target: '/', source: '/bundle/rootfs', flags: 0x4000 },
    {
      ...none,
      kind: 'tmpfs',
      target: '/tmp',
      flags: 1,
      recursive: { set: 2, clear: 4 },
      copiesUp: true,
    },
    { ...none, kind: 'other', target: '/disk', source: '/dev/vdb', type: 'ext4', clear: 9 },
  ],
  process: { ...fullSpec.process, hasInit: false, hasInput: false },
  handover: {
    descriptors: [
      { target: 'console', fd: 12 },
      { target: 1, fd: 11 },
      { target: 0, fd: 10 },
    ],
    holds: true,
    hooks: [
      {
        stage: 'startContainer',
        path: '/bin/hook',
        args: ['hook', 'one'],
        env: ['A=1'],
        timeoutSeconds: 5,
        state: ['{"pid":', '}'],
      },
    ],
    timeOffsets: 'monotonic 7 0\n',
    personality: 8,
    scheduler: Uint8Array.from({ length: 48 }, (_, i) => i),
    ioPriority: 0x4003,
    seccompFlags: 4,
  },
};
