/** `root`, `mounts` and `linux.rootfsPropagation` of a bundle → the mounts of a sandbox, in their order. */
import { isAbsolute, join, posix } from 'node:path';
import { mountOf } from './default-mounts.ts';
import {
  MS_BIND,
  MS_PRIVATE,
  MS_RDONLY,
  MS_REC,
  MS_SHARED,
  MS_SLAVE,
  MS_UNBINDABLE,
} from './mount-flags.ts';
import type { OciConfig, OciMount } from './oci-config.ts';
import { refuse } from './oci-fields.ts';
import { parseMountOptions } from './oci-mount-options.ts';
import type { MountOptions } from './oci-mount-options.ts';
import type { SandboxMount } from './sandbox-spec.ts';
import type { CgroupPlacement } from './spec.ts';

export interface OciMountFacts {
  /** Absolute. */
  readonly bundle: string;
  readonly cgroup: CgroupPlacement;
  /** null: there is nothing. */
  readonly isDirectory: (path: string) => boolean | null;
}

export interface OciMounts {
  readonly mounts: readonly SandboxMount[];
  /** Mount points that are to be read-only with all that is below them. */
  readonly readonlyPaths: readonly string[];
}

export function ociMounts(config: OciConfig, facts: OciMountFacts): OciMounts {
  const made = (config.mounts ?? []).map((mount, index) => {
    const field = `mounts[${index}]`;
    return convert(mount, field, facts);
  });
  return {
    mounts: [rootMount(config, facts), ...made.flatMap(({ mounts }) => mounts)],
    readonlyPaths: made.flatMap(({ readonlyPaths }) => readonlyPaths),
  };
}

const rootPropagations: Readonly<Record<string, number>> = {
  '': MS_PRIVATE,
  private: MS_PRIVATE,
  rprivate: MS_PRIVATE,
  slave: MS_SLAVE,
  rslave: MS_SLAVE,
  shared: MS_SHARED,
  rshared: MS_SHARED,
  unbindable: MS_UNBINDABLE,
  runbindable: MS_UNBINDABLE,
};

/** The path of `root`, which must be a directory. */
export function ociRootPath(config: OciConfig, { bundle, isDirectory }: OciMountFacts): string {
  if (config.root === undefined) return refuse('root', 'is missing');
  const { path } = config.root;
  const absolute = isAbsolute(path) ? path : join(bundle, path);
  if (isDirectory(absolute) !== true) refuse('root.path', `"${path}" is no directory`);
  return absolute;
}

function rootMount(config: OciConfig, facts: OciMountFacts): SandboxMount {
  const propagation = config.linux?.rootfsPropagation ?? '';
  const flags = Object.hasOwn(rootPropagations, propagation)
    ? rootPropagations[propagation]
    : undefined;
  if (flags === undefined) {
    return refuse('linux.rootfsPropagation', `"${propagation}" is no propagation of mounts`);
  }
  return mountOf('bind', '/', {
    source: ociRootPath(config, facts),
    flags: MS_BIND | MS_REC,
    propagation: flags,
  });
}

function convert(mount: OciMount, field: string, facts: OciMountFacts): OciMounts {
  const target = posix.resolve('/', mount.destination);
  if (mount.destination === '' || target === '/') {
    refuse(`${field}.destination`, `"${mount.destination}" is no place for a mount`);
  }
  const options = parseMountOptions(mount.options ?? []);
  if (options.refused.length > 0) {
    refuse(`${field}.options`, `has "${options.refused.join(', ')}", which this runtime cannot do`);
  }
  if ((mount.uidMappings ?? mount.gidMappings ?? []).length > 0) {
    refuse(`${field}.uidMappings`, 'asks for other owners, which this runtime cannot do');
  }
  if (mount.type === 'bind' || options.isBind) {
    return only(bindMount(mount, { field, target, options, facts }));
  }
  if (mount.type === 'cgroup' || mount.type === 'cgroup2') {
    return cgroupMounts(target, options, facts.cgroup);
  }
  return only(fileSystemMount(mount, { field, target, options, facts }));
}

function only(mount: SandboxMount): OciMounts {
  return { mounts: [mount], readonlyPaths: [] };
}

interface Converted {
  readonly field: string;
  readonly target: string;
  readonly options: MountOptions;
  readonly facts: OciMountFacts;
}

function bindMount(mount: OciMount, { field, target, options, facts }: Converted): SandboxMount {
  const given = mount.source ?? '';
  if (given === '') return refuse(`${field}.source`, 'is missing');
  if (options.data.length > 0) {
    return refuse(`${field}.options`, `has "${options.data.join(',')}", which no bind mount knows`);
  }
  const source = isAbsolute(given) ? given : join(facts.bundle, given);
  const isDirectory = facts.isDirectory(source);
  if (isDirectory === null)
    return refuse(`${field}.source`, `"${given}" does not exist: no such file or directory`);
  return mountOf('bind', target, {
    source,
    flags: options.set | MS_BIND | (options.isRecursive ? MS_REC : 0),
    clear: options.clear,
    recursive: options.recursive,
    propagation: options.propagation,
    create: isDirectory ? 'directory' : 'file',
  });
}

const ownKinds = ['tmpfs', 'proc', 'sysfs', 'mqueue', 'devpts'] as const;

function fileSystemMount(mount: OciMount, { field, target, options }: Converted): SandboxMount {
  const type = mount.type ?? '';
  if (type === '' || type === 'none') return refuse(`${field}.type`, 'is missing');
  if (options.copiesUp && type !== 'tmpfs') {
    return refuse(`${field}.options`, `has "tmpcopyup", which only a tmpfs knows, not "${type}"`);
  }
  const kind = ownKinds.find((known) => known === type) ?? 'other';
  return mountOf(kind, target, {
    // What is new has nothing below it.
    flags: options.set | options.recursive.set,
    propagation: options.propagation,
    data: options.data.join(','),
    copiesUp: options.copiesUp,
    ...(kind === 'other' && { type, source: mount.source ?? '' }),
  });
}

/** The container's own groups, whatever its cgroup namespace; v1 has a directory for each hierarchy. */
function cgroupMounts(target: string, options: MountOptions, cgroup: CgroupPlacement): OciMounts {
  const isReadonly = ((options.set | options.recursive.set) & MS_RDONLY) !== 0;
  const flags = (options.set | options.recursive.set) & ~MS_RDONLY;
  const [first] = cgroup.directories;
  if (first === undefined) return { mounts: [], readonlyPaths: [] };
  const bind = (at: string, source: string): SandboxMount =>
    mountOf('bind', at, { source, flags: flags | MS_BIND });
  const mounts =
    cgroup.directories.length === 1
      ? [bind(target, first)]
      : [
          mountOf('tmpfs', target, { flags, data: 'mode=755,size=64k' }),
          ...cgroup.directories.map((path) => bind(`${target}/${hierarchyName(path)}`, path)),
        ];
  return { mounts, readonlyPaths: isReadonly ? [target] : [] };
}

/** "/sys/fs/cgroup/memory/a/b" is mounted as "memory". */
function hierarchyName(directory: string): string {
  return directory.split('/')[4] ?? 'unified';
}
