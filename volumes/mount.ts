/**
 * Mounts as the Engine API takes them, in three notations (HostConfig.Binds, .Mounts, .Tmpfs) and by the image's
 * VOLUME: one canonical form for all, checked before anything else looks at it (CVE-2026-6406).
 */
import { posix } from 'node:path';
import { VolumeError } from './errors.ts';
import type { BindMount, ImageMount, MountRequest, TmpfsMount, VolumeMount } from './model.ts';
import { isPropagation, parseBindOptions, parseTmpfsOptions } from './options.ts';
import { checkName } from './store.ts';

/** An entry of HostConfig.Mounts; the wire's spelling, all of it optional because a client wrote it. */
export interface ObjectMount {
  readonly Type?: string;
  readonly Source?: string;
  readonly Target?: string;
  readonly ReadOnly?: boolean;
  readonly BindOptions?: {
    readonly Propagation?: string;
    readonly NonRecursive?: boolean;
    readonly CreateMountpoint?: boolean;
    readonly ReadOnlyNonRecursive?: boolean;
    readonly ReadOnlyForceRecursive?: boolean;
  };
  readonly VolumeOptions?: {
    readonly NoCopy?: boolean;
    readonly Labels?: Readonly<Record<string, string>> | null;
    readonly Subpath?: string;
    readonly DriverConfig?: {
      readonly Name?: string;
      readonly Options?: Readonly<Record<string, string>> | null;
    };
  };
  readonly TmpfsOptions?: {
    readonly SizeBytes?: number;
    readonly Mode?: number;
    readonly Options?: readonly (readonly string[])[] | null;
  };
  readonly ImageOptions?: { readonly Subpath?: string };
}

export interface MountSources {
  /** "SOURCE:TARGET[:OPTIONS]" or "TARGET". */
  readonly binds?: readonly string[];
  readonly mounts?: readonly ObjectMount[];
  /** Target → options. */
  readonly tmpfs?: Readonly<Record<string, string>>;
  /** Targets of the image's VOLUME, and of the container's own Volumes; each gives way to a mount on the same target. */
  readonly imageVolumes?: readonly string[];
}

/** In the order in which they must be mounted: what lies in another mount comes after it. */
export function parseMounts(sources: MountSources): readonly MountRequest[] {
  const { binds = [], mounts = [], tmpfs = {}, imageVolumes = [] } = sources;
  const requests = new Map<string, MountRequest>();
  const asked = [
    ...binds.map(parseBind),
    ...mounts.map(parseObject),
    ...Object.entries(tmpfs).map(([target, options]) => parseTmpfs(target, options)),
  ];
  for (const request of asked) {
    const { target } = request;
    if (requests.has(target))
      throw new VolumeError('duplicate-target', `Duplicate mount point: ${target}`, {
        fields: { target },
      });
    requests.set(target, request);
  }
  for (const written of imageVolumes) {
    const target = checkTarget(written, written);
    if (!requests.has(target)) requests.set(target, { ...anonymous(target), mode: '' });
  }
  return [...requests.values()].sort((a, b) => depthOf(a) - depthOf(b));
}

function depthOf({ target }: MountRequest): number {
  return target.split('/').length;
}

/** The short notation. What begins with a slash is a host path, anything else a volume's name. */
export function parseBind(written: string): VolumeMount | BindMount {
  const parts = written.split(':');
  const [first = '', second, third = ''] = parts;
  if (parts.length > 3 || first === '' || second === '')
    throw invalid(written, `invalid volume specification: "${written}"`);
  if (second === undefined) return { ...anonymous(checkTarget(first, written)), mode: '' };
  const target = checkTarget(second, written);
  const isBind = first.startsWith('/');
  const options = parseBindOptions(third, { isBind, written });
  if (isBind)
    return {
      kind: 'bind',
      source: cleanPath(first),
      target,
      isReadonly: options.isReadonly,
      isRecursive: true,
      propagation: options.propagation,
      createsSource: true,
      ...(third !== '' && { mode: third }),
    };
  checkVolumeName(first, written);
  return {
    ...anonymous(target),
    name: first,
    isReadonly: options.isReadonly,
    hasNoCopy: options.hasNoCopy,
    ...(third !== '' && { mode: third }),
  };
}

/** `./data` is what people write who come from a compose file. */
function checkVolumeName(name: string, written: string): void {
  if (name.includes('/') || name.startsWith('.') || name.startsWith('~'))
    throw new VolumeError(
      'invalid-mount',
      `"${name}" in "${written}" is neither a volume name nor an absolute path`,
      { fields: { source: name }, hint: 'write a host directory with its absolute path' },
    );
  checkName(name);
}

function parseObject(mount: ObjectMount): MountRequest {
  checkForeignOptions(mount);
  const target = checkObjectTarget(mount);
  switch (mount.Type) {
    case 'volume':
      return objectVolume(mount, target);
    case 'bind':
      return objectBind(mount, target);
    case 'tmpfs':
      return objectTmpfs(mount, target);
    case 'image':
      return objectImage(mount, target);
    default:
      throw refused(mount, 'mount type unknown');
  }
}

const optionFields = {
  bind: 'BindOptions',
  volume: 'VolumeOptions',
  tmpfs: 'TmpfsOptions',
  image: 'ImageOptions',
} as const;

/** Words of moby `volume/mounts/validate.go` and `daemon/volumes.go`. */
function checkForeignOptions(mount: ObjectMount): void {
  const { Type = '' } = mount;
  for (const [type, field] of Object.entries(optionFields))
    if (mount[field] !== undefined && type !== Type)
      throw invalid(field, `${field} must not be specified on mount type "${Type}"`);
}

function refused({ Type = '', Target = '' }: ObjectMount, reason: string): VolumeError {
  return invalid(Target, `invalid mount config for type "${Type}": ${reason}`);
}

function checkObjectTarget(mount: ObjectMount): string {
  const { Target = '' } = mount;
  if (Target === '') throw refused(mount, 'field Target must not be empty');
  if (!Target.startsWith('/'))
    throw refused(mount, `invalid mount path: '${Target}' mount path must be absolute`);
  const clean = cleanPath(Target);
  if (clean === '/') throw refused(mount, "invalid specification: destination can't be '/'");
  return clean;
}

/** Links in it are no matter here: they are resolved beneath the volume when it is mounted. */
function checkSubpath(mount: ObjectMount, subpath: string): string {
  const clean = subpath === '' ? '' : cleanPath(subpath);
  if (clean.startsWith('/') || clean === '..' || clean.startsWith('../'))
    throw refused(mount, 'subpath must be a relative path within the volume');
  return clean === '.' ? '' : clean;
}

function objectVolume(mount: ObjectMount, target: string): VolumeMount {
  const { Source = '', ReadOnly = false, VolumeOptions = {} } = mount;
  const { NoCopy = false, Labels, Subpath = '', DriverConfig } = VolumeOptions;
  if (Source !== '') checkVolumeName(Source, `volume:${target}`);
  else if (Subpath !== '')
    throw refused(mount, 'must not set Subpath when using anonymous volumes');
  return {
    kind: 'volume',
    name: Source,
    target,
    isReadonly: ReadOnly,
    hasNoCopy: NoCopy,
    subpath: checkSubpath(mount, Subpath),
    driver: DriverConfig?.Name ?? '',
    driverOptions: DriverConfig?.Options ?? {},
    labels: Labels ?? {},
  };
}

function objectBind(mount: ObjectMount, target: string): BindMount {
  const { Source = '', ReadOnly = false, BindOptions = {} } = mount;
  const { Propagation = '', NonRecursive = false, CreateMountpoint = false } = BindOptions;
  const propagation = Propagation === '' ? 'rprivate' : Propagation;
  if (Source === '') throw refused(mount, 'field Source must not be empty');
  if (!Source.startsWith('/'))
    throw refused(mount, `invalid mount path: '${Source}' mount path must be absolute`);
  if (!isPropagation(propagation)) throw refused(mount, `invalid propagation mode: ${propagation}`);
  return {
    kind: 'bind',
    source: cleanPath(Source),
    target,
    isReadonly: ReadOnly,
    isRecursive: !NonRecursive,
    ...(isReadonlyTop(mount) && { isReadonlyTop: true }),
    propagation,
    createsSource: CreateMountpoint,
  };
}

/** A read-only bind is so with all that is mounted below, which mount_setattr(2) does on every kernel we run on. */
function isReadonlyTop({ ReadOnly = false, BindOptions = {} }: ObjectMount): boolean {
  const { ReadOnlyNonRecursive = false, ReadOnlyForceRecursive = false } = BindOptions;
  const conflict = (what: string): VolumeError => invalid(what, `mount options conflict: ${what}`);
  if (ReadOnlyNonRecursive && !ReadOnly)
    throw conflict('!ReadOnly && BindOptions.ReadOnlyNonRecursive');
  if (ReadOnlyForceRecursive && !ReadOnly)
    throw conflict('!ReadOnly && BindOptions.ReadOnlyForceRecursive');
  if (ReadOnlyNonRecursive && ReadOnlyForceRecursive)
    throw conflict('ReadOnlyNonRecursive && BindOptions.ReadOnlyForceRecursive');
  return ReadOnlyNonRecursive;
}

function objectTmpfs(mount: ObjectMount, target: string): TmpfsMount {
  const { Source = '', ReadOnly = false, TmpfsOptions = {} } = mount;
  const { SizeBytes = 0, Mode, Options } = TmpfsOptions;
  if (Source !== '') throw refused(mount, 'field Source must not be specified');
  const options = (Options ?? []).map((pair) => pair.join('='));
  const parsed = parseTmpfs(target, options.join(','));
  return {
    ...parsed,
    isReadonly: ReadOnly || parsed.isReadonly,
    sizeBytes: SizeBytes > 0 ? SizeBytes : parsed.sizeBytes,
    mode: Mode ?? parsed.mode,
  };
}

function objectImage(mount: ObjectMount, target: string): ImageMount {
  const { Source = '', ImageOptions = {} } = mount;
  if (Source === '') throw refused(mount, 'field Source must not be empty');
  return {
    kind: 'image',
    source: Source,
    target,
    subpath: checkSubpath(mount, ImageOptions.Subpath ?? ''),
    isReadonly: true,
    imageId: '',
  };
}

function parseTmpfs(writtenTarget: string, options: string): TmpfsMount {
  const target = checkTarget(writtenTarget, writtenTarget);
  return { kind: 'tmpfs', target, ...parseTmpfsOptions(options, target) };
}

function anonymous(target: string): VolumeMount {
  return {
    kind: 'volume',
    name: '',
    target,
    isReadonly: false,
    hasNoCopy: false,
    subpath: '',
    driver: '',
    driverOptions: {},
    labels: {},
  };
}

function checkTarget(target: string, written: string): string {
  if (!target.startsWith('/'))
    throw invalid(written, `invalid mount path: '${target}' mount path must be absolute`);
  const clean = cleanPath(target);
  if (clean === '/') throw invalid(written, `invalid mount "${written}": the target cannot be "/"`);
  return clean;
}

function cleanPath(path: string): string {
  if (path.includes('\0')) throw invalid(path, 'a path contains a NUL byte');
  const clean = posix.normalize(path).replace(/^\/+/, '/');
  return clean.length > 1 ? clean.replace(/\/$/, '') : clean;
}

function invalid(written: string, message: string): VolumeError {
  return new VolumeError('invalid-mount', message, { fields: { mount: written } });
}
