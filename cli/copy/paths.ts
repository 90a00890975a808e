/** The rules of `docker cp` about names: which side is a container, what a destination means, how entries are named. */
import { posix } from 'node:path';
import { CliError } from '../cli-error.ts';

export type CopyArgument =
  | { readonly kind: 'local'; readonly path: string }
  | { readonly kind: 'service'; readonly service: string; readonly path: string };

/** A path with a colon in it is local when it begins with "/" or ".". */
export function parseCopyArgument(text: string): CopyArgument {
  const colon = text.indexOf(':');
  if (colon <= 0 || text.startsWith('/') || text.startsWith('.'))
    return { kind: 'local', path: text };
  return { kind: 'service', service: text.slice(0, colon), path: text.slice(colon + 1) };
}

/** "dir/." means what is in it, "dir/" a directory. */
export function assertsDirectory(path: string): boolean {
  return path.endsWith('/') || path === '.' || path.endsWith('/.');
}

/** Cleaned, with the "/." or "/" at the end that it had. */
export function cleanPath(path: string): string {
  const clean = posix.normalize(path === '' ? '.' : path).replace(/(?<=.)\/$/u, '');
  if (path === '.' || path.endsWith('/.'))
    return clean.endsWith('.') ? clean : `${slashed(clean)}.`;
  return path.endsWith('/') ? slashed(clean) : clean;
}

function slashed(path: string): string {
  return path.endsWith('/') ? path : `${path}/`;
}

/** The last component; "." of a path that means a content. */
export function lastOf(path: string): string {
  const trimmed = path.replace(/\/+$/u, '');
  return trimmed === '' ? '/' : trimmed.slice(trimmed.lastIndexOf('/') + 1);
}

export function parentOf(path: string): string {
  const trimmed = path.replace(/\/+$/u, '');
  const slash = trimmed.lastIndexOf('/');
  if (slash < 0) return '.';
  return slash === 0 ? '/' : trimmed.slice(0, slash);
}

export interface CopySource {
  readonly path: string;
  readonly isDirectory: boolean;
}

export interface CopyDestination {
  readonly path: string;
  readonly exists: boolean;
  readonly isDirectory: boolean;
}

export interface CopyTarget {
  /** Where the archive is extracted. */
  readonly directory: string;
  /** What its first entry is called there; null keeps its name. */
  readonly name: string | null;
}

/** docs.docker.com, "docker container cp": six cases of what there is on both sides. */
export function planCopy(source: CopySource, destination: CopyDestination): CopyTarget {
  const { path } = destination;
  const renamed = { directory: parentOf(path), name: lastOf(path) };
  if (destination.exists) {
    if (destination.isDirectory) return { directory: path, name: null };
    if (source.isDirectory) throw new CliError('cannot copy directory');
    return renamed;
  }
  if (!source.isDirectory && assertsDirectory(path)) throw new CliError('no such directory');
  if (source.isDirectory && path.endsWith('/.')) {
    return { directory: parentOf(parentOf(path)), name: lastOf(parentOf(path)) };
  }
  return renamed;
}
