/** A mount request as the shim mounts it: flags, data, what to create. */
import { statSync } from 'node:fs';
import {
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
  MountRequest,
  Propagation,
  ResolvedMount,
  TmpfsMount,
  VolumeMount,
} from './model.ts';

/** `volumeMountpoint` is the volume's directory, and not looked at for other kinds. */
export function resolveMount(request: MountRequest, volumeMountpoint: string): ResolvedMount {
  switch (request.kind) {
    case 'volume':
      return resolveVolume(request, volumeMountpoint);
    case 'bind':
      return resolveBind(request);
    case 'tmpfs':
      return resolveTmpfs(request);
  }
}

const nothing = { source: '', lowerDirs: [], upperDir: '', workDir: '', propagation: 0, data: '' };

function resolveVolume({ target, isReadonly }: VolumeMount, source: string): ResolvedMount {
  const flags = isReadonly ? MS_RDONLY : 0;
  return { ...nothing, kind: 'bind', target, source, flags, create: 'directory' };
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
  propagation,
}: BindMount): ResolvedMount {
  return {
    ...nothing,
    kind: 'bind',
    target,
    source,
    flags: (isReadonly ? MS_RDONLY : 0) | (isRecursive ? MS_REC : 0),
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
