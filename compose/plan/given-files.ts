/**
 * How a secret or config that is a file of the host comes into a container: mounted as it is, or, where the reference says
 * whose it is to be, written as those are that are no files.
 */
import type { Project } from '../model/project.ts';
import type { FileReference, FileResource } from '../model/secret.ts';
import type { Service } from '../model/service.ts';

/** The content that is written; null: the file is mounted, or there is none. */
export function givenContent(
  project: Pick<Project, 'fileBytes'>,
  service: Service,
  { reference, resource }: { readonly reference: FileReference; readonly resource: FileResource },
): Uint8Array | null {
  const { file } = resource;
  if (file === undefined || !saysWhose(reference) || service.read_only === true) return null;
  return project.fileBytes(file);
}

export function saysWhose({ uid, gid, mode }: FileReference): boolean {
  return uid !== undefined || gid !== undefined || mode !== undefined;
}
