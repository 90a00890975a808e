/** Where secrets and configs are in a container, whose they are, and who may read them. */
import type { ComposeError } from '../../errors.ts';
import type { Project } from '../../model/project.ts';
import type { FileReference } from '../../model/secret.ts';
import type { Service } from '../../model/service.ts';
import { errorAt } from '../../positions.ts';
import { saysWhose } from '../given-files.ts';

export type FileKind = 'secrets' | 'configs';

const annotation = 'tscompose.file-modes';
const defaultMode = '0444';

export function fileTarget(kind: FileKind, { source, target = source }: FileReference): string {
  if (target.startsWith('/')) return target;
  return `${kind === 'secrets' ? '/run/secrets/' : '/'}${target}`;
}

export interface FileOwner {
  readonly uid: number;
  readonly gid: number;
  /** Permission bits. */
  readonly mode: number;
}

/** Or which of the two ids is none. */
export function fileOwner({
  uid = '0',
  gid = '0',
  mode = defaultMode,
}: FileReference): FileOwner | { readonly wrong: string } {
  const wrong = [uid, gid].find((id) => !/^\d{1,10}$/.test(id) || Number(id) > mostId);
  if (wrong !== undefined) return { wrong };
  return { uid: Number(uid), gid: Number(gid), mode: Number.parseInt(mode, 8) & 0o777 };
}

/** 2^32 - 1 stands for "no id". */
const mostId = 4_294_967_294;

/** Files of the host that are to have another owner or mode than there: their mounts, as an annotation. */
export function fileModes(
  project: Project,
  serviceName: string,
  service: Service,
): Readonly<Record<string, string>> {
  const modes: Record<string, string> = {};
  for (const kind of ['secrets', 'configs'] as const) {
    (service[kind] ?? []).forEach((reference, index) => {
      const resource = project[kind][reference.source];
      if (resource?.file === undefined || !saysWhose(reference)) return;
      const owner = fileOwner(reference);
      if ('wrong' in owner)
        throw wrongOwner(project, owner.wrong, ['services', serviceName, kind, index]);
      const { uid, gid, mode } = owner;
      modes[fileTarget(kind, reference)] = `${uid}:${gid}:${octal(mode)}`;
    });
  }
  return Object.keys(modes).length === 0 ? {} : { [annotation]: JSON.stringify(modes) };
}

export function wrongOwner(
  project: Project,
  id: string,
  path: readonly (string | number)[],
): ComposeError {
  const message = `"${id}" is no number of a user or group`;
  return errorAt(project, ['invalid-value', message], { path });
}

function octal(mode: number): string {
  return mode.toString(8).padStart(4, '0');
}
