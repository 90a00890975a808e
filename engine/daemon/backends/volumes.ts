/** Volumes of the API on the volume store. */
import type { Volume as WireVolume } from '../../api/index.ts';
import { toEngineError } from '../../containers/create.ts';
import type { Containers } from '../../containers/containers.ts';
import type { EventBus } from '../../store/index.ts';
import type { Volume, VolumeStore } from '../../../volumes/index.ts';
import type { VolumeBackend } from '../routes/index.ts';

export interface VolumeBackendContext {
  readonly volumes: VolumeStore;
  readonly containers: Containers;
  readonly events: Pick<EventBus, 'publish'>;
}

export function createVolumeBackend(ctx: VolumeBackendContext): VolumeBackend {
  return {
    create: async (request) => {
      const isNew = ctx.volumes.get(request.Name ?? '') === undefined;
      const volume = await translated(() =>
        ctx.volumes.create({
          ...(request.Name !== undefined && request.Name !== '' && { name: request.Name }),
          ...(request.Driver !== undefined && request.Driver !== '' && { driver: request.Driver }),
          driverOptions: request.DriverOpts ?? {},
          labels: request.Labels ?? {},
        }),
      );
      if (isNew) publish(ctx, volume.name, 'create');
      return toWire(volume);
    },
    list: () =>
      Promise.resolve(
        ctx.volumes.list().map((volume) => ({
          volume: toWire(volume),
          isUsed: usersOf(ctx.containers, volume.name).length > 0,
        })),
      ),
    inspect: (name) => translated(() => Promise.resolve(toWire(ctx.volumes.inspect(name)))),
    remove: async (name, { force }) => {
      await translated(() =>
        ctx.volumes.remove(name, { force, usersOf: (volume) => usersOf(ctx.containers, volume) }),
      );
      publish(ctx, name, 'destroy');
    },
  };
}

/** Ids of the containers, running or not, that mount the volume. */
export function usersOf(containers: Containers, volume: string): readonly string[] {
  return [...containers]
    .filter(({ record }) => record.mounts.some(({ point }) => point.Name === volume))
    .map(({ id }) => id);
}

function toWire(volume: Volume): WireVolume {
  return {
    Name: volume.name,
    Driver: volume.driver,
    Mountpoint: volume.mountpoint,
    CreatedAt: volume.createdAt,
    Labels: volume.labels,
    Options: volume.driverOptions,
    Scope: 'local',
  };
}

function publish(ctx: VolumeBackendContext, name: string, action: string): void {
  ctx.events.publish({ type: 'volume', action, id: name, attributes: { driver: 'local' } });
}

async function translated<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw toEngineError(error);
  }
}
