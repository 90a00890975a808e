/** `docker rmi`: a name goes first; with the last one the image goes, unless something uses it. */
import { EngineError, parseReference, type ImageDeleted } from '../api/index.ts';
import type { ImageContext } from './context.ts';
import { hexOf } from './digest.ts';
import { sweep } from './gc.ts';
import { familiar } from './inspect.ts';
import type { Digest, Image } from './model.ts';

export interface RemoveOptions {
  readonly force?: boolean;
  /** Ids of the containers made from an image, running or not. Asked at the moment of the decision. */
  readonly usersOf: (id: Digest) => readonly string[];
}

type RemoveContext = Pick<ImageContext, 'catalog' | 'content' | 'layers' | 'leases' | 'limits'>;

export async function removeImage(
  context: RemoveContext,
  { image, ref }: { readonly image: Image; readonly ref: string },
  options: RemoveOptions,
): Promise<readonly ImageDeleted[]> {
  const name = nameMeant(image, ref);
  const users = options.usersOf(image.id);
  checkRemoval(image, { ref, name, users, force: options.force ?? false });
  const names = name === null ? image.names : [name];
  for (const each of names) await context.catalog.removeName(image.id, each);
  const untagged = names.map((each) => ({ Untagged: familiar(each) }));
  const isLast = names.length === image.names.length;
  // A container keeps the layers of its image: forced, the image only loses its names.
  if (!isLast || users.length > 0) return untagged;
  await context.catalog.delete(image.id);
  const layers = await sweep(context);
  return [...untagged, ...[image.id, ...layers].map((digest) => ({ Deleted: digest }))];
}

/** The name that `ref` is; null if it is an id, or part of one. */
function nameMeant(image: Image, ref: string): string | null {
  const hex = ref.replace(/^sha256:/, '');
  const match = image.names.find((name) => {
    const familiarName = familiar(name);
    return [name, familiarName].some((known) => known === ref || known === `${ref}:latest`);
  });
  if (match !== undefined) return match;
  return hexOf(image.id).startsWith(hex) ? null : (image.names[0] ?? null);
}

interface Removal {
  readonly ref: string;
  readonly name: string | null;
  readonly users: readonly string[];
  readonly force: boolean;
}

function checkRemoval(image: Image, { ref, name, users, force }: Removal): void {
  const short = hexOf(image.id).slice(0, 12);
  if (image.host !== null && image.names.length > 0)
    throw new EngineError('conflict', `"${ref}" belongs to the engine and cannot be removed`);
  const [user] = users;
  const isLast = name === null || image.names.length === 1;
  if (name === null && repositoriesOf(image).size > 1 && !force)
    throw new EngineError(
      'conflict',
      `conflict: unable to delete ${short} (must be forced) - image is referenced in multiple repositories`,
    );
  if (user === undefined || !isLast) return;
  const shortUser = user.slice(0, 12);
  if (name === null)
    throw new EngineError(
      'conflict',
      `conflict: unable to delete ${short} (cannot be forced) - image is being used by container ${shortUser}`,
      { details: { image: image.id, container: user } },
    );
  if (!force)
    throw new EngineError(
      'conflict',
      `conflict: unable to remove repository reference "${ref}" (must force) - container ${shortUser} is using its referenced image ${short}`,
      { details: { image: image.id, container: user } },
    );
}

function repositoriesOf({ names }: Image): Set<string> {
  return new Set(
    names.map((name) => {
      const { domain, path } = parseReference(name);
      return `${domain}/${path}`;
    }),
  );
}
