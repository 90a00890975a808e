import type { HostConfig, MountRequest } from '../../../engine/api/index.ts';
import type { ServiceMount } from '../../model/mount.ts';
import type { Project } from '../../model/project.ts';
import type { Service } from '../../model/service.ts';
import { givenContent } from '../given-files.ts';
import { fileTarget, type FileKind } from './file-modes.ts';

type MountFields = Pick<HostConfig, 'Binds' | 'Mounts' | 'Tmpfs'>;

/** Volumes, binds, tmpfs, secrets and configs as the engine takes them. */
export function mountsOf(project: Project, service: Service): MountFields {
  const binds: string[] = [];
  const mounts: MountRequest[] = [];
  for (const mount of service.volumes ?? []) {
    const bind = asBind(project, mount);
    if (bind === null) mounts.push(asMount(project, mount));
    else binds.push(bind);
  }
  mounts.push(
    ...fileMounts(project, service, 'secrets'),
    ...fileMounts(project, service, 'configs'),
  );
  const tmpfs = (service.tmpfs ?? []).map((entry) => {
    const colon = entry.indexOf(':');
    return colon === -1 ? [entry, ''] : [entry.slice(0, colon), entry.slice(colon + 1)];
  });
  return {
    ...(binds.length > 0 && { Binds: binds }),
    ...(mounts.length > 0 && { Mounts: mounts }),
    ...(tmpfs.length > 0 && { Tmpfs: Object.fromEntries(tmpfs) as Record<string, string> }),
  };
}

/** `source:target:options`, for what that form can say; null for the rest. */
function asBind(project: Project, mount: ServiceMount): string | null {
  const { type, source, target, read_only, bind, volume } = mount;
  if (source === undefined || `${source}${target}`.includes(':')) return null;
  const options = read_only === true ? ['ro'] : [];
  if (type === 'volume') {
    if (volume?.subpath !== undefined || volume?.labels !== undefined) return null;
    if (volume?.nocopy === true) options.push('nocopy');
    return [volumeName(project, source), target, options.join(',')].filter(Boolean).join(':');
  }
  // Docker makes the missing source of a Binds entry, and fails for one in Mounts.
  if (type !== 'bind' || bind?.create_host_path === false || bind?.recursive !== undefined)
    return null;
  if (bind?.propagation !== undefined) options.push(bind.propagation);
  if (bind?.selinux !== undefined) options.push(bind.selinux);
  return [source, target, options.join(',')].filter(Boolean).join(':');
}

function volumeName(project: Project, key: string): string {
  return project.volumes[key]?.name ?? key;
}

function asMount(project: Project, mount: ServiceMount): MountRequest {
  const { type, source, target, read_only, consistency } = mount;
  const isNamed = type === 'volume' && source !== undefined;
  const from = isNamed ? volumeName(project, source) : source;
  return {
    Type: type,
    ...(from !== undefined && { Source: from }),
    Target: target,
    ...(read_only !== undefined && { ReadOnly: read_only }),
    ...(consistency !== undefined && { Consistency: consistency }),
    ...bindOptions(mount),
    ...volumeOptions(mount),
    ...tmpfsOptions(mount),
    ...(mount.image?.subpath !== undefined && { ImageOptions: { Subpath: mount.image.subpath } }),
  };
}

function bindOptions({ type, bind }: ServiceMount): Pick<MountRequest, 'BindOptions'> {
  if (type !== 'bind' || bind === undefined) return {};
  return {
    BindOptions: {
      ...(bind.propagation !== undefined && { Propagation: bind.propagation }),
      ...(bind.create_host_path !== undefined && { CreateMountpoint: bind.create_host_path }),
      ...(bind.recursive === 'disabled' && { NonRecursive: true }),
      ...(bind.recursive === 'writable' && { ReadOnlyNonRecursive: true }),
      ...(bind.recursive === 'readonly' && { ReadOnlyForceRecursive: true }),
    },
  };
}

function volumeOptions({ type, volume }: ServiceMount): Pick<MountRequest, 'VolumeOptions'> {
  if (type !== 'volume' || volume === undefined) return {};
  return {
    VolumeOptions: {
      ...(volume.nocopy !== undefined && { NoCopy: volume.nocopy }),
      ...(volume.subpath !== undefined && { Subpath: volume.subpath }),
      ...(volume.labels !== undefined && { Labels: volume.labels }),
    },
  };
}

function tmpfsOptions({ type, tmpfs }: ServiceMount): Pick<MountRequest, 'TmpfsOptions'> {
  if (type !== 'tmpfs' || tmpfs === undefined) return {};
  return {
    TmpfsOptions: {
      ...(tmpfs.size !== undefined && { SizeBytes: Number(tmpfs.size) }),
      ...(tmpfs.mode !== undefined && { Mode: tmpfs.mode }),
    },
  };
}

/** Secrets and configs that are files of the host are mounted; others are given, see injected-files.ts. */
function fileMounts(project: Project, service: Service, kind: FileKind): MountRequest[] {
  return (service[kind] ?? []).flatMap((reference) => {
    const resource = project[kind][reference.source];
    const file = resource?.file;
    if (resource === undefined || file === undefined) return [];
    if (givenContent(project, service, { reference, resource }) !== null) return [];
    return [{ Type: 'bind', Source: file, Target: fileTarget(kind, reference), ReadOnly: true }];
  });
}
