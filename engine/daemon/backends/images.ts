/** Images of the API on the image store. */
import type { Containers } from '../../containers/containers.ts';
import type { ImageStore } from '../../images/index.ts';
import type { EventBus } from '../../store/index.ts';
import type { ImageBackend } from '../routes/index.ts';

export interface ImageBackendContext {
  readonly images: ImageStore;
  readonly containers: Containers;
  readonly events: Pick<EventBus, 'publish'>;
}

export function createImageBackend(ctx: ImageBackendContext): ImageBackend {
  const { images } = ctx;
  return {
    list: () => Promise.resolve(images.summaries()),
    inspect: async (ref) => await Promise.resolve().then(() => images.inspect(ref)),
    findId: (ref) => Promise.resolve(images.resolve(ref)?.id ?? null),
    load: async (archive, signal) => {
      const loaded = await images.load(archive, { signal });
      for (const { image } of loaded) publish(ctx, image.id, { action: 'load', name: image.id });
      return loaded.flatMap(({ image, names }) => (names.length > 0 ? names : [image.id]));
    },
    import: async (archive, { reference, changes, message }, signal) => {
      const image = await images.import(archive, { reference, changes, message, signal });
      publish(ctx, image.id, { action: 'import', name: reference ?? image.id });
      return image.id;
    },
    tag: async (ref, target) => {
      await images.tag(ref, target);
      publish(ctx, images.resolve(target)?.id ?? target, { action: 'tag', name: target });
    },
    remove: async (ref, { force }) => {
      const deleted = await images.remove(ref, {
        force,
        usersOf: (id) => usersOfImage(ctx.containers, id),
      });
      for (const entry of deleted) {
        if ('Untagged' in entry)
          publish(ctx, entry.Untagged, { action: 'untag', name: entry.Untagged });
        else publish(ctx, entry.Deleted, { action: 'delete', name: entry.Deleted });
      }
      return deleted;
    },
  };
}

/** Ids of the containers that are made from the image, or mount it. */
export function usersOfImage(containers: Containers, imageId: string): readonly string[] {
  return [...containers]
    .filter(
      ({ record }) =>
        record.imageId === imageId ||
        record.mounts.some(
          ({ request }) => request.kind === 'image' && request.imageId === imageId,
        ),
    )
    .map(({ id }) => id);
}

function publish(
  ctx: ImageBackendContext,
  id: string,
  { action, name }: { readonly action: string; readonly name: string },
): void {
  ctx.events.publish({ type: 'image', action, id, attributes: { name } });
}
