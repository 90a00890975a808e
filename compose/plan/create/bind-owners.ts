/**
 * `x-tscompose.bind-owner`: whose the files are that a container's root makes in a bind mount. On a mount, a service or
 * the whole file; the nearest counts:
 *
 *   me                 the user who runs tscompose, also through sudo
 *   container, root    whoever makes them, as with docker compose
 *   UID:GID            in numbers
 *
 * Without it the files below the project's directory are the user's who called sudo: they are sources, and a file of
 * root's among them is in the user's way. The engine is told by an annotation, which Docker has no use for.
 */
import type { ServiceMount } from '../../model/mount.ts';
import type { Project } from '../../model/project.ts';
import type { Service } from '../../model/service.ts';
import { nearest, wrongValue, writtenIn, type Holder } from '../extension.ts';

const annotation = 'tscompose.bind-owner';
const attribute = 'bind-owner';

/** As an annotation. Throws ComposeError for a value that is none. */
export function bindOwners(
  project: Project,
  serviceName: string,
  service: Service,
): Readonly<Record<string, string>> {
  const owners: Record<string, string> = {};
  (service.volumes ?? []).forEach((mount, index) => {
    if (mount.type !== 'bind') return;
    const owner = ownerOf(project, mount, [
      { holder: mount, path: ['services', serviceName, 'volumes', index] },
      { holder: service, path: ['services', serviceName] },
      { holder: project.extensions, path: [] },
    ]);
    if (owner !== null) owners[mount.target] = owner;
  });
  return Object.keys(owners).length === 0 ? {} : { [annotation]: JSON.stringify(owners) };
}

/** What of it is the file's to say, for the hash of a service: who runs the command changes nothing. */
export function bindOwnersWritten(
  service: Service,
  { extensions }: Pick<Project, 'extensions'>,
): readonly (string | null)[] {
  const mounts: readonly ServiceMount[] = service.volumes ?? [];
  const written = [extensions, service, ...mounts].map((holder) => writtenIn(holder, attribute));
  return written.every((value) => value === null) ? [] : written;
}

function ownerOf(project: Project, mount: ServiceMount, places: readonly Holder[]): string | null {
  const found = nearest(places, attribute);
  const { caller } = project;
  if (found === null) {
    const isTheirs = caller?.isThroughSudo === true && isInProject(project, mount.source ?? '');
    return isTheirs ? ids(caller) : null;
  }
  const { value } = found;
  if (value === 'me') return caller === null || caller.uid === 0 ? null : ids(caller);
  if (value === 'container' || value === 'root') return null;
  if (/^\d{1,10}:\d{1,10}$/.test(value)) return value;
  throw wrongValue(project, found, {
    attribute,
    hint: 'write me, container or UID:GID in numbers',
  });
}

function ids({ uid, gid }: { readonly uid: number; readonly gid: number }): string {
  return `${uid}:${gid}`;
}

function isInProject({ workingDirectory }: Project, source: string): boolean {
  return source === workingDirectory || source.startsWith(`${workingDirectory}/`);
}
