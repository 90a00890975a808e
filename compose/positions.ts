import { ComposeError, type ComposeErrorCode, type ComposeErrorOptions } from './errors.ts';
import type { Project } from './model/project.ts';

/** An error about an attribute of a loaded project, at the place where the user wrote it. */
export function errorAt(
  project: Project | null,
  [code, message]: readonly [ComposeErrorCode, string],
  {
    path,
    ...options
  }: Omit<ComposeErrorOptions, 'path' | 'position' | 'excerpt'> & {
    readonly path: readonly (string | number)[];
  },
): ComposeError {
  // Nothing of the file in particular is no place in it.
  const place = path.length === 0 ? null : (project?.placeOf(path) ?? null);
  return new ComposeError(code, message, {
    ...options,
    ...(path.length > 0 && { path: path.join('.') }),
    ...(place !== null && { position: place.position, excerpt: place.excerpt }),
  });
}

/** A message that is no error, behind the place where the user wrote what it is about. */
export function textAt(
  project: Project | null,
  path: readonly (string | number)[],
  message: string,
): string {
  const position = project?.positionOf(path) ?? null;
  if (position === null) return message;
  return `${position.file}:${position.line}:${position.column}: ${message}`;
}
