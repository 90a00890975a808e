import { canonicalReference, parseReference, withDefaultTag } from '../../engine/api/index.ts';

/** Some engines answer null for an image without a name. */
interface NamedImage {
  readonly Id: string;
  readonly RepoTags: readonly string[] | null;
  readonly RepoDigests: readonly string[] | null;
}

/** Every name an image can be asked for by: canonical references, its id, its id's beginning. */
export function imageNames({ Id, RepoTags, RepoDigests }: NamedImage): string[] {
  const hex = Id.replace(/^sha256:/, '');
  const names = [...(RepoTags ?? []), ...(RepoDigests ?? [])].flatMap(
    (name) => canonicalName(name) ?? [],
  );
  return [...names, Id, hex, hex.slice(0, 12)];
}

/** The id of the image a compose file names, or null when the engine does not have it. */
export function findImage(images: ReadonlyMap<string, string>, name: string): string | null {
  const canonical = canonicalName(name);
  const byName = canonical === null ? undefined : images.get(canonical);
  return byName ?? images.get(name) ?? null;
}

function canonicalName(name: string): string | null {
  try {
    const reference = withDefaultTag(parseReference(name));
    // With a digest the tag is only for people.
    return canonicalReference(reference.digest === null ? reference : { ...reference, tag: null });
  } catch {
    // No reference: an id, or `<none>:<none>`.
    return null;
  }
}
