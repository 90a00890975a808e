/** Attributes of `x-tscompose`, which what has one inherits from what it is in. */
import type { ComposeError } from '../errors.ts';
import type { Project } from '../model/project.ts';
import { errorAt } from '../positions.ts';

const extension = 'x-tscompose';

export interface Holder {
  readonly holder: object;
  readonly path: readonly (string | number)[];
}

/** As it stands there; null: it does not. */
export function writtenIn(holder: object, attribute: string): string | null {
  const own = (holder as Readonly<Record<string, unknown>>)[extension];
  if (typeof own !== 'object' || own === null) return null;
  const value = (own as Readonly<Record<string, unknown>>)[attribute];
  if (value === undefined || value === null) return null;
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/** The first that has the attribute, nearest first. */
export function nearest(
  places: readonly Holder[],
  attribute: string,
): { readonly value: string; readonly place: Holder } | null {
  for (const place of places) {
    const value = writtenIn(place.holder, attribute);
    if (value !== null) return { value, place };
  }
  return null;
}

export function wrongValue(
  project: Project,
  { value, place }: { readonly value: string; readonly place: Holder },
  { attribute, hint }: { readonly attribute: string; readonly hint: string },
): ComposeError {
  return errorAt(project, ['invalid-value', `"${value}" is no ${attribute}`], {
    path: [...place.path, extension, attribute],
    hint,
  });
}
