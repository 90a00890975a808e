/** A mount request as the shim mounts it: flags, data, what to create. */
import { statSync } from 'node:fs';
import {
  closeFd,
  isSyscallError,
  openRoot,
  statAt,
  MS_NODEV,
  MS_NOEXEC,
  MS_NOSUID,
  MS_PRIVATE,
  MS_RDONLY,
  MS_REC,
  MS_SHARED,
  MS_SLAVE,
} from '../native/index.ts';
import { VolumeError } from './errors.ts';
import type {
  BindMount,
  ImageMount,
  MountRequest,
  Propagation,
  ResolvedMount,
  TmpfsMount,
  VolumeMount,
} from './model.ts';

/** What a mount is made of that only its owner knows. */
export interface MountParts {
  /** Of a volume: its directory. */
  readonly mountpoint?: string;
  /** Of an image: its layers, topmost first. */
  readonly lowerDirs?: readonly string[];
}

export function resolveMount(request: MountRequest, parts: MountParts): ResolvedMount {
  switch (request.kind) {
    case 'volume':
      return resolveVolume(request, parts.mountpoint ?? '');
    case 'bind':
      return resolveBind(request);
    case 'tmpfs':
      return resolveTmpfs(request);
    case 'image':
      return resolveImage(request, parts.lowerDirs ?? []);
  }
}

const nothing = {
  source: '',
  subpath: '',
  lowerDirs: [],
  upperDir: '',
  workDir: '',
  isReadonlyTop: false,
  owner: null,
  propagation: 0,
  data: '',
} as const;

function resolveVolume(
  { target, isReadonly, subpath }: VolumeMount,
  source: string,
): ResolvedMount {
  const flags = isReadonly ? MS_RDONLY : 0;
  // What the subpath leads to when it is mounted may be another thing than now; the shim then fails.
  const create = subpath === '' ? 'directory' : kindBelow(source, subpath);
  return { ...nothing, kind: 'bind', target, source, subpath, flags, create };
}

/** One layer is mounted itself: an overlay that cannot be written to needs two (Documentation/filesystems/overlayfs.rst). */
function resolveImage(
  { target, subpath }: ImageMount,
  lowerDirs: readonly string[],
): ResolvedMount {
  const [only = '', ...others] = lowerDirs;
  const mount = { ...nothing, target, subpath, flags: MS_RDONLY };
  const create =
    subpath === '' ? 'directory' : (lowerDirs.map(kindIn(subpath)).find(isKnown) ?? 'directory');
  return others.length === 0
    ? { ...mount, kind: 'bind', source: only, create }
    : { ...mount, kind: 'overlay', lowerDirs, create };
}

type Kind = 'directory' | 'file';

/** Only to know what to make as its mount point: nothing is mounted by what is found here. */
function kindBelow(directory: string, subpath: string): Kind {
  return kindIn(subpath)(directory) ?? 'directory';
}

function kindIn(subpath: string): (directory: string) => Kind | null {
  return (directory) => {
    try {
      const root = openRoot(directory);
      try {
        const { type } = statAt(root, subpath, { followLast: true });
        return type === 'directory' ? 'directory' : 'file';
      } finally {
        closeFd(root);
      }
    } catch (error) {
      if (isSyscallError(error)) return null;
      throw error;
    }
  };
}

function isKnown(kind: Kind | null): kind is Kind {
  return kind !== null;
}

/** Zero where nothing has to be said: the shim makes every mount private unless told. */
const propagationFlags: Readonly<Record<Propagation, number>> = {
  private: MS_PRIVATE,
  rprivate: 0,
  shared: MS_SHARED,
  rshared: MS_SHARED | MS_REC,
  slave: MS_SLAVE,
  rslave: MS_SLAVE | MS_REC,
};

function resolveBind({
  source,
  target,
  isReadonly,
  isRecursive,
  isReadonlyTop = false,
  propagation,
  owner,
}: BindMount): ResolvedMount {
  return {
    ...nothing,
    kind: 'bind',
    target,
    source,
    flags: (isReadonly ? MS_RDONLY : 0) | (isRecursive ? MS_REC : 0),
    isReadonlyTop,
    owner: owner ?? null,
    propagation: propagationFlags[propagation],
    // A file can only be mounted on a file.
    create: isDirectory(source, target) ? 'directory' : 'file',
  };
}

function isDirectory(source: string, target: string): boolean {
  try {
    return statSync(source).isDirectory();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'ENOENT' && code !== 'ENOTDIR') throw error;
    throw new VolumeError('source-missing', `bind source path does not exist: ${source}`, {
      fields: { source, target },
      hint: 'create it on the machine where the engine runs',
      cause: error,
    });
  }
}

/** As Docker: neither programs nor devices in a tmpfs, unless the user asks. Later words win. */
const flagWords: readonly (readonly [on: string, off: string, flag: number])[] = [
  ['noexec', 'exec', MS_NOEXEC],
  ['nosuid', 'suid', MS_NOSUID],
  ['nodev', 'dev', MS_NODEV],
];

function resolveTmpfs({ target, isReadonly, sizeBytes, mode, options }: TmpfsMount): ResolvedMount {
  let flags = isReadonly ? MS_RDONLY : 0;
  for (const [on, off, flag] of flagWords)
    if (options.findLast((word) => word === on || word === off) !== off) flags |= flag;
  const data = [
    `mode=${mode.toString(8)}`,
    ...(sizeBytes === null ? [] : [`size=${sizeBytes}`]),
    ...options.filter((word) => word.includes('=')),
  ];
  return { ...nothing, kind: 'tmpfs', target, flags, data: data.join(','), create: 'directory' };
}
