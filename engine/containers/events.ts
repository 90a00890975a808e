import type { Container } from './container.ts';
import type { ContainerContext } from './context.ts';

/** Announces what happened to a container: attributes are all labels, the image, the name, and `extra`. */
export function publishContainer(
  ctx: Pick<ContainerContext, 'events'>,
  container: Container,
  event: { readonly action: string; readonly extra?: Readonly<Record<string, string>> },
): void {
  const { config, name, id } = container.record;
  ctx.events.publish({
    type: 'container',
    action: event.action,
    id,
    attributes: { ...config.Labels, image: config.Image ?? '', name, ...event.extra },
  });
}
