/** Which namespaces the shim makes. clone(2), linux/sched.h. */
export const CLONE_NEWTIME = 0x80;
export const CLONE_NEWNS = 0x20000;
export const CLONE_NEWCGROUP = 0x2000000;
export const CLONE_NEWUTS = 0x4000000;
export const CLONE_NEWIPC = 0x8000000;
export const CLONE_NEWUSER = 0x10000000;
export const CLONE_NEWPID = 0x20000000;
export const CLONE_NEWNET = 0x40000000;

export interface NamespaceOptions {
  /** `host` shares the engine's, `joined` another container's, which is among the sandbox's joins. */
  readonly pid: 'private' | 'host' | 'joined';
  /** `none` is private without a /dev/shm. */
  readonly ipc: 'private' | 'none' | 'host' | 'joined';
  readonly uts: 'private' | 'host';
  readonly cgroup: 'private' | 'host';
}

export const privateNamespaces: NamespaceOptions = {
  pid: 'private',
  ipc: 'private',
  uts: 'private',
  cgroup: 'private',
};

/** The network namespace is never made here: it exists before the container and is joined by its path. */
export function namespaceFlags(options: NamespaceOptions, hasTimeNamespace: boolean): number {
  let flags = CLONE_NEWNS;
  if (options.pid === 'private') flags |= CLONE_NEWPID;
  if (options.ipc === 'private' || options.ipc === 'none') flags |= CLONE_NEWIPC;
  if (options.uts === 'private') flags |= CLONE_NEWUTS;
  if (options.cgroup === 'private') flags |= CLONE_NEWCGROUP;
  if (hasTimeNamespace) flags |= CLONE_NEWTIME;
  return flags;
}

const flagNames: readonly (readonly [flag: number, name: string])[] = [
  [CLONE_NEWCGROUP, 'cgroup'],
  [CLONE_NEWIPC, 'ipc'],
  [CLONE_NEWNS, 'mount'],
  [CLONE_NEWNET, 'net'],
  [CLONE_NEWPID, 'pid'],
  [CLONE_NEWTIME, 'time'],
  [CLONE_NEWUSER, 'user'],
  [CLONE_NEWUTS, 'uts'],
];

export function namespaceNames(flags: number): readonly string[] {
  return flagNames.filter(([flag]) => (flags & flag) !== 0).map(([, name]) => name);
}
