import {
  EngineError,
  type EventMessage,
  type ImageInspect,
  type NetworkInspect,
  type Volume,
} from '../../../engine/api/index.ts';
import type {
  ImageBackend,
  NetworkBackend,
  SystemBackend,
  VolumeBackend,
} from '../../../engine/daemon/routes/index.ts';
import { never } from './containers.ts';
import { withResolvers, type FakeEngine } from './engine.ts';

export function createImages(engine: FakeEngine): ImageBackend {
  const find = (ref: string): ImageInspect | null => {
    const tagged = ref.includes(':') ? ref : `${ref}:latest`;
    const all = [...engine.imagesById.values()];
    return (
      all.find(({ RepoTags }) => RepoTags.includes(tagged)) ??
      all.find(({ Id }) => Id === ref || (/^[0-9a-f]{4,}$/.test(ref) && Id.includes(`:${ref}`))) ??
      null
    );
  };
  const require = (ref: string): ImageInspect => {
    const image = find(ref);
    if (image === null) throw new EngineError('not-found', `No such image: ${ref}`);
    return image;
  };
  const add = (tags: readonly string[], size: number): string => {
    const Id = `sha256:${engine.newId()}`;
    engine.imagesById.set(Id, {
      Id,
      RepoTags: tags,
      RepoDigests: [],
      Parent: '',
      Comment: '',
      Created: '2026-01-02T03:04:05Z',
      DockerVersion: '',
      Author: '',
      Architecture: 'amd64',
      Os: 'linux',
      Size: size,
      GraphDriver: { Name: 'overlay2', Data: null },
      RootFS: { Type: 'layers', Layers: [] },
      Metadata: { LastTagTime: never },
      Config: {},
    });
    return Id;
  };
  return {
    list: async () =>
      await Promise.resolve(
        [...engine.imagesById.values()].map((image) => ({
          Id: image.Id,
          ParentId: '',
          RepoTags: image.RepoTags,
          RepoDigests: [],
          Created: 1,
          Size: image.Size,
          SharedSize: -1,
          Containers: -1,
          Labels: {},
        })),
      ),
    inspect: async (ref) => await Promise.resolve(require(ref)),
    findId: async (ref) => await Promise.resolve(find(ref)?.Id ?? null),
    load: async (archive) => {
      const size = await drain(archive);
      engine.calls.push(`images.load ${size}`);
      add(['loaded:latest'], size);
      return ['loaded:latest'];
    },
    import: async (archive, options) => {
      const size = await drain(archive);
      engine.calls.push(`images.import ${JSON.stringify(options)} ${size}`);
      return add(options.reference === null ? [] : [options.reference], size);
    },
    tag: async (ref, target) => {
      const image = require(ref);
      engine.imagesById.set(image.Id, { ...image, RepoTags: [...image.RepoTags, target] });
      await Promise.resolve();
    },
    remove: async (ref) => {
      const image = require(ref);
      engine.imagesById.delete(image.Id);
      return await Promise.resolve([
        ...image.RepoTags.map((Untagged) => ({ Untagged })),
        { Deleted: image.Id },
      ]);
    },
  };
}

async function drain(archive: AsyncIterable<Buffer>): Promise<number> {
  let size = 0;
  for await (const chunk of archive) size += chunk.length;
  return size;
}

export function createNetworks(engine: FakeEngine): NetworkBackend {
  const find = (ref: string): NetworkInspect => {
    const found = [...engine.networksById.values()].find(
      ({ Id, Name }) => Name === ref || Id.startsWith(ref),
    );
    if (found === undefined) throw new EngineError('not-found', `network ${ref} not found`);
    return found;
  };
  return {
    create: async (request) => {
      const Id = engine.newId();
      engine.networksById.set(Id, {
        Name: request.Name ?? '',
        Id,
        Created: '2026-01-02T03:04:05Z',
        Scope: 'local',
        Driver: request.Driver ?? 'bridge',
        EnableIPv4: true,
        EnableIPv6: false,
        IPAM: request.IPAM ?? { Driver: 'default', Options: null, Config: [] },
        Internal: request.Internal ?? false,
        Attachable: false,
        Ingress: false,
        ConfigFrom: { Network: '' },
        ConfigOnly: false,
        Containers: {},
        Options: request.Options ?? {},
        Labels: request.Labels ?? {},
      });
      return await Promise.resolve({ Id, Warning: '' });
    },
    list: async () => await Promise.resolve([...engine.networksById.values()]),
    inspect: async (ref) => await Promise.resolve(find(ref)),
    remove: async (ref) => {
      engine.networksById.delete(find(ref).Id);
      await Promise.resolve();
    },
    connect: async (ref, request) => {
      engine.calls.push(`networks.connect ${find(ref).Name} ${JSON.stringify(request)}`);
      await Promise.resolve();
    },
    disconnect: async (ref, request) => {
      engine.calls.push(`networks.disconnect ${find(ref).Name} ${JSON.stringify(request)}`);
      await Promise.resolve();
    },
  };
}

export function createVolumes(engine: FakeEngine): VolumeBackend {
  const find = (name: string): Volume => {
    const found = engine.volumesByName.get(name);
    if (found === undefined) throw new EngineError('not-found', `get ${name}: no such volume`);
    return found;
  };
  return {
    create: async (request) => {
      const Name = request.Name ?? engine.newId();
      const volume: Volume = engine.volumesByName.get(Name) ?? {
        Name,
        Driver: request.Driver ?? 'local',
        Mountpoint: `/volumes/${Name}`,
        CreatedAt: '2026-01-02T03:04:05Z',
        Labels: request.Labels ?? {},
        Options: request.DriverOpts ?? {},
        Scope: 'local',
      };
      engine.volumesByName.set(Name, volume);
      return await Promise.resolve(volume);
    },
    list: async () =>
      await Promise.resolve(
        [...engine.volumesByName.values()].map((volume) => ({ volume, isUsed: false })),
      ),
    inspect: async (name) => await Promise.resolve(find(name)),
    remove: async (name) => {
      engine.volumesByName.delete(find(name).Name);
      await Promise.resolve();
    },
  };
}

export function createSystem(engine: FakeEngine): SystemBackend {
  return {
    version: () => ({ version: '9.8.7', gitCommit: 'abcdef', buildTime: '' }),
    info: async () =>
      await Promise.resolve({
        id: 'fake',
        containers: { running: 0, paused: 0, stopped: engine.byId.size },
        images: engine.imagesById.size,
        stateRoot: '/state',
        storageDriver: 'overlay2',
        storageStatus: [['Backing Filesystem', 'extfs']],
        cgroupVersion: 1,
        limits: {
          ...{ MemoryLimit: true, SwapLimit: true, OomKillDisable: false, PidsLimit: true },
          ...{ CpuCfsPeriod: true, CpuCfsQuota: true, CPUShares: true, CPUSet: true },
        },
        securityOptions: ['name=seccomp,profile=builtin'],
        networkDrivers: ['bridge'],
        volumeDrivers: ['local'],
        eventSubscribers: engine.subscribers,
        warnings: [],
        runtimes: [],
      }),
    events: (_range, abort) => {
      const queue: EventMessage[] = [];
      let changed = withResolvers<undefined>();
      const wake = (): void => {
        changed.resolve(undefined);
        changed = withResolvers();
      };
      const unsubscribe = engine.subscribe((event) => {
        queue.push(event);
        wake();
      });
      abort.addEventListener('abort', wake);
      return (async function* () {
        try {
          while (!abort.aborted) {
            const next = changed.promise;
            yield* queue.splice(0);
            await next;
          }
        } finally {
          unsubscribe();
        }
      })();
    },
  };
}
