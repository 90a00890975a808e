/**
 * Names of archive entries: from bytes that anybody may have written to components below a root, or a refusal.
 * What passes has no "..", no empty component and no NUL; links are followed by the kernel, below the root only.
 */
import { TarError, printable, type ByteString } from '../lib/index.ts';

/** PATH_MAX and NAME_MAX, limits.h. */
const longestPath = 4095;
const longestComponent = 255;

export type EntryPath = readonly ByteString[];

/** Empty for the root itself: "./", "/". A leading slash means the root, as for every tar reader. */
export function splitName(name: ByteString, mostDepth: number): EntryPath {
  if (name === '') throw new TarError('an entry has an empty name');
  if (name.includes('\0')) throw refuse(name, 'contains a NUL byte');
  if (name.length > longestPath)
    throw refuse(name, `has ${name.length} bytes, a path may have ${longestPath}`);
  const components = name.split('/').filter((part) => part !== '' && part !== '.');
  if (components.includes('..')) throw refuse(name, 'contains ".."');
  if (components.length > mostDepth) throw refuse(name, `is deeper than ${mostDepth} directories`);
  const long = components.find((part) => part.length > longestComponent);
  if (long !== undefined)
    throw refuse(name, `has a component of ${long.length} bytes, ${longestComponent} are possible`);
  return components;
}

export function joinPath(path: EntryPath): ByteString {
  return path.join('/');
}

export function parentOf(path: ByteString): ByteString {
  const slash = path.lastIndexOf('/');
  return slash < 0 ? '' : path.slice(0, slash);
}

export function refuse(name: ByteString, why: string): TarError {
  return new TarError(`entry "${printable(name)}" ${why}`);
}

const prefix = '.wh.';
const metaPrefix = '.wh..wh.';

/** What an entry means in a layer: image-spec layer.md#whiteouts. */
export type EntryMeaning =
  | { readonly kind: 'plain' }
  /** Takes away `path` of the layers below. */
  | { readonly kind: 'whiteout'; readonly path: ByteString }
  /** Hides what the layers below have in `path`. */
  | { readonly kind: 'opaque'; readonly path: ByteString }
  /** Book-keeping of aufs, which the specification reserves: nothing to do. */
  | { readonly kind: 'meta' };

export function meaningOf(name: ByteString, path: EntryPath): EntryMeaning {
  const special = path.findIndex((part) => part.startsWith(prefix));
  if (special === -1) return { kind: 'plain' };
  const part = path[special] ?? '';
  const isLast = special === path.length - 1;
  const directory = joinPath(path.slice(0, special));
  if (isLast && part === `${metaPrefix}.opq`) return { kind: 'opaque', path: directory };
  if (part.startsWith(metaPrefix)) return { kind: 'meta' };
  if (!isLast) throw refuse(name, 'lies below a whiteout');
  const hidden = part.slice(prefix.length);
  if (hidden === '' || hidden === '.' || hidden === '..')
    throw refuse(name, 'is a whiteout of no name');
  return { kind: 'whiteout', path: directory === '' ? hidden : `${directory}/${hidden}` };
}
