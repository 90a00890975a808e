import type { MountPoint } from '../api/index.ts';
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

type Attachment = 'taken' | 'released';

/** The networks and volumes that a run takes and releases, in the order in which Docker tells of them. */
export function publishAttachments(
  ctx: Pick<ContainerContext, 'events'>,
  container: Container,
  change: Attachment,
): void {
  for (const [name, endpoint] of Object.entries(container.network?.endpoints ?? {})) {
    ctx.events.publish({
      type: 'network',
      action: change === 'taken' ? 'connect' : 'disconnect',
      id: endpoint.NetworkID ?? '',
      attributes: { container: container.id, name, type: 'bridge' },
    });
  }
  for (const { point } of container.record.mounts) {
    if (point.Name !== undefined) publishVolume(ctx, container, { point, change });
  }
}

function publishVolume(
  ctx: Pick<ContainerContext, 'events'>,
  container: Container,
  { point, change }: { readonly point: MountPoint; readonly change: Attachment },
): void {
  ctx.events.publish({
    type: 'volume',
    action: change === 'taken' ? 'mount' : 'unmount',
    id: point.Name ?? '',
    attributes: {
      container: container.id,
      driver: point.Driver ?? '',
      ...(change === 'taken' && {
        destination: point.Destination,
        propagation: point.Propagation,
        'read/write': String(point.RW),
      }),
    },
  });
}
