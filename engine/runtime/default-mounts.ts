/** What every container finds mounted beside its root file system. moby `daemon/pkg/oci/defaults.go`. */
import {
  MS_BIND,
  MS_NODEV,
  MS_NOEXEC,
  MS_NOSUID,
  MS_RDONLY,
  MS_REC,
  MS_STRICTATIME,
} from './mount-flags.ts';
import type { SandboxMount } from './sandbox-spec.ts';

export interface DefaultMountOptions {
  readonly isPrivileged: boolean;
  readonly shmSizeBytes: number;
  /** /dev/shm is nobody's with `none`, and the host's or another container's with `host` and `joined`. */
  readonly ipc: 'private' | 'none' | 'host' | 'joined';
  /** With the host's network /sys shows the host's interfaces, as Docker has it. */
  readonly cgroupView: readonly SandboxMount[];
}

const noSuidDevExec = MS_NOSUID | MS_NODEV | MS_NOEXEC;

/** In the order in which they must be made: /dev before what lies in it, /sys before the cgroup view. */
export function defaultMounts(options: DefaultMountOptions): readonly SandboxMount[] {
  const sysFlags = options.isPrivileged ? noSuidDevExec : noSuidDevExec | MS_RDONLY;
  return [
    mountOf('proc', '/proc', { flags: noSuidDevExec }),
    mountOf('tmpfs', '/dev', {
      flags: MS_NOSUID | MS_STRICTATIME,
      data: 'mode=755,size=65536k',
    }),
    mountOf('devpts', '/dev/pts', {
      flags: MS_NOSUID | MS_NOEXEC,
      // gid 5 is tty in every distribution; newinstance is implied since Linux 4.7.
      data: 'newinstance,ptmxmode=0666,mode=0620,gid=5',
    }),
    mountOf('sysfs', '/sys', { flags: sysFlags }),
    ...options.cgroupView,
    mountOf('mqueue', '/dev/mqueue', { flags: noSuidDevExec }),
    ...sharedMemory(options),
  ];
}

function sharedMemory({ ipc, shmSizeBytes }: DefaultMountOptions): readonly SandboxMount[] {
  if (ipc === 'none') return [];
  if (ipc === 'host' || ipc === 'joined') {
    const flags = noSuidDevExec | MS_BIND | (ipc === 'host' ? MS_REC : 0);
    const source = '/dev/shm';
    return [
      mountOf('bind', source, { source, flags, ...(ipc === 'joined' && { isJoined: true }) }),
    ];
  }
  return [
    mountOf('tmpfs', '/dev/shm', { flags: noSuidDevExec, data: `mode=1777,size=${shmSizeBytes}` }),
  ];
}

/** The files of /etc that the engine writes. Not read-only: programs may rewrite them, as with Docker. */
export function fileMounts(files: EtcFiles): readonly SandboxMount[] {
  return [
    ['/etc/resolv.conf', files.resolvConf],
    ['/etc/hostname', files.hostname],
    ['/etc/hosts', files.hosts],
  ].map(([target = '', source = '']) =>
    mountOf('bind', target, { source, flags: MS_BIND | MS_REC, create: 'file' }),
  );
}

export interface EtcFiles {
  readonly hosts: string;
  readonly hostname: string;
  readonly resolvConf: string;
}

export function mountOf(
  kind: SandboxMount['kind'],
  target: string,
  rest: Partial<Omit<SandboxMount, 'kind' | 'target'>>,
): SandboxMount {
  return {
    kind,
    target,
    source: '',
    lowerDirs: [],
    upperDir: '',
    workDir: '',
    flags: 0,
    propagation: 0,
    data: '',
    create: 'directory',
    ...rest,
  };
}
