/**
 * The composition root: opens every subsystem once, passes each what it needs, and reconciles records with the kernel
 * before anything is served.
 */
import { createHash } from 'node:crypto';
import { arch } from 'node:os';
import { containerSchemaVersion } from '../containers/container.ts';
import type { ContainerRecord } from '../containers/container.ts';
import { Containers } from '../containers/containers.ts';
import type { ContainerContext } from '../containers/context.ts';
import { recoverExecs } from '../containers/exec-recover.ts';
import { Execs, readExecRecord } from '../containers/exec-store.ts';
import { GivenStore } from '../containers/given/given-store.ts';
import { readContainerRecord } from '../containers/record.ts';
import { recoverContainers } from '../containers/recover.ts';
import { labelLayers } from '../containers/selinux.ts';
import { ImageStore, Snapshots } from '../images/index.ts';
import { KeyedLock } from '../lib/index.ts';
import { Cgroups, emptyCgroup, readHostFacts, Runtimes } from '../runtime/index.ts';
import type { HostFacts } from '../runtime/index.ts';
import { EventBus, prepareLayout, RecordStore } from '../store/index.ts';
import type { JsonObject, Layout, OpenedStore } from '../store/index.ts';
import {
  NetworkController,
  readForwardingRecord,
  readNetworkRecord,
  readSandboxRecord,
  Resolver,
} from '../../network/index.ts';
import { readVolumeRecord, VolumeStore } from '../../volumes/index.ts';
import { createContainerResourceBackend } from './backends/container-resources.ts';
import { createContainerBackend } from './backends/containers.ts';
import { createFilesBackend } from './backends/files.ts';
import { createImageBackend, usersOfImage } from './backends/images.ts';
import { createPruneBackend } from './backends/prune.ts';
import { createInteractionBackend } from './backends/interaction.ts';
import { connectContainer, disconnectContainer } from '../containers/connect.ts';
import { createNetworkBackend, ensurePredefinedNetworks } from './backends/networks.ts';
import { createSystemBackend } from './backends/system.ts';
import { createVolumeBackend } from './backends/volumes.ts';
import type { Config } from './config.ts';
import { readGlobalId } from './global-id.ts';
import { readSettings } from './settings.ts';
import type { Log } from './log.ts';
import type { Backends } from './routes/index.ts';
import { engineVersion } from './version.ts';

export interface Engine {
  readonly backends: Backends;
  /** Lets go of everything; containers, their names and their ports go on. */
  close(): Promise<void>;
}

const storageDriver = 'overlay2';

export async function createEngine(config: Config, log: Log): Promise<Engine> {
  const { layout } = config;
  const host = await prepareHost(layout);
  const events = new EventBus();
  const containers = new Containers();
  const cgroups = Cgroups.discover({ instance: layout.instance });
  const runtimes = new Runtimes((await readSettings(layout.configFile)).runtimes);
  const [{ records, lostIds }, execRecords, networks, images, volumes] = await Promise.all([
    openContainerRecords(layout, log),
    openRecords(layout.bootRecords.execs, { durability: 'boot', read: readExecRecord, log }),
    openNetworks(layout, log),
    ImageStore.open({ layout }),
    openVolumes(layout, log),
  ]);
  const snapshots = await Snapshots.open({ layout, layers: images.layers });
  reportProblems(images, log);
  const given = new GivenStore(layout);
  const context: ContainerContext = {
    ...{ layout, records, containers, events, log, images, snapshots, volumes, cgroups, given },
    networks: networks.controller,
    locks: new KeyedLock(),
    runtimes,
    host,
  };
  await ensurePredefinedNetworks(networks.controller);
  await recoverContainers(
    {
      ...context,
      containersDirectory: layout.containers,
      shimsDirectory: layout.shims,
      lostIds,
      recovery: {
        recoverNetworks: (liveIds) => networks.controller.recover(liveIds),
        recoverVolumes: (held) => volumes.recover(held),
        removeStrayCgroups: (liveIds) => removeStrayCgroups(cgroups, liveIds, log),
        sweepSnapshots: (knownIds) => snapshots.sweep(new Set(knownIds)),
        sweepGiven: (knownIds) => {
          given.sweep(new Set(knownIds));
        },
      },
    },
    records.values(),
  );
  const execs = new Execs(execRecords);
  await recoverExecs({ ...context, execs, execRecords });
  const hostImage = await images.ensureHostImage({
    nodePath: process.execPath,
    usersOf: (id) => usersOfImage(containers, id),
  });
  snapshots.expect(hostImage);
  await networks.controller.reassert();
  void networks.controller.prepare();
  return {
    backends: createBackends(context, {
      ...{ layout, images, volumes, events, execs },
      networks: networks.controller,
    }),
    close: () => close({ containers, networks, snapshots, cgroups }),
  };
}

async function prepareHost(layout: Layout): Promise<HostFacts> {
  await prepareLayout(layout);
  const host = readHostFacts();
  await labelLayers(layout, host);
  return host;
}

interface Stores {
  readonly layout: Layout;
  readonly images: ImageStore;
  readonly volumes: VolumeStore;
  readonly networks: NetworkController;
  readonly events: EventBus;
  readonly execs: Execs;
}

function createBackends(context: ContainerContext, stores: Stores): Backends {
  const { containers, cgroups } = context;
  const { layout, images, volumes, networks, events, execs } = stores;
  const shared = { containers, events, images, volumes, networks };
  const parts = {
    images: createImageBackend(shared),
    networks: createNetworkBackend({
      ...shared,
      membership: {
        connect: (ref, request) => connectContainer(context, ref, request),
        disconnect: (ref, request) => disconnectContainer(context, ref, request),
      },
    }),
    volumes: createVolumeBackend(shared),
  };
  return {
    ...parts,
    containers: createContainerBackend(context, {
      ...{ platform: platform(), storageDriver },
      execIdsOf: (container) => execs.idsOf(container),
    }),
    interaction: createInteractionBackend({ ...context, execs }),
    resources: createContainerResourceBackend(context),
    files: createFilesBackend({ ...context, imageStore: images }),
    prune: createPruneBackend({ context, images, volumes, backends: parts }),
    system: createSystemBackend({
      ...shared,
      version: engineVersion,
      engineId: createHash('sha256').update(layout.stateRoot).digest('hex').slice(0, 32),
      stateRoot: layout.stateRoot,
      cgroupVersion: cgroups.isCgroup2Only ? 2 : 1,
      limits: () => cgroups.facts(),
      runtimes: context.runtimes,
      host: context.host,
    }),
  };
}

/** Docker's "linux/amd64". */
function platform(): string {
  return `linux/${arch() === 'x64' ? 'amd64' : arch()}`;
}

interface Networks {
  readonly controller: NetworkController;
  readonly resolver: Resolver;
}

async function openNetworks(layout: Layout, log: Log): Promise<Networks> {
  let restoreNames = (): Promise<void> => Promise.resolve();
  let restorePorts = restoreNames;
  const proxy = {
    runRoot: layout.runRoot,
    name: 'proxy',
    onLost: () => {
      restorePorts().catch((error: unknown) => {
        log.error('ports are not published on IPv6 any more', { error: String(error) });
      });
    },
  };
  const [networks, sandboxes, forwarding, resolver] = await Promise.all([
    openRecords(layout.records.networks, { durability: 'disk', read: readNetworkRecord, log }),
    openRecords(layout.bootRecords.sandboxes, { durability: 'boot', read: readSandboxRecord, log }),
    openRecords(layout.bootRecords.forwarding, {
      durability: 'boot',
      read: readForwardingRecord,
      log,
    }),
    Resolver.start({
      runRoot: layout.runRoot,
      // A resolver that dies is started anew by its next command, and knows nothing then.
      onLost: () => {
        restoreNames().catch((error: unknown) => {
          log.error('names are not answered any more', { error: String(error) });
        });
      },
    }),
  ]);
  const controller = await NetworkController.open({
    instance: layout.instance,
    namespaces: layout.networkNamespaces,
    records: { networks, sandboxes, forwarding },
    resolver,
    proxy: { adopt: () => Resolver.adopt(proxy), start: () => Resolver.start(proxy) },
    globalId: () => readGlobalId(layout.globalId),
    keepsSpare: true,
    warn: (message, fields) => {
      log.warn(message, fields);
    },
  });
  restoreNames = () => controller.restoreNames();
  restorePorts = () => controller.restorePorts();
  void controller.prepare();
  return { controller, resolver };
}

function reportProblems({ problems }: Pick<ImageStore, 'problems'>, log: Log): void {
  for (const problem of problems)
    log.warn('a part of the image store could not be read', { ...problem });
}

interface ContainerRecords {
  readonly records: RecordStore<ContainerRecord>;
  readonly lostIds: readonly string[];
}

async function openContainerRecords(layout: Layout, log: Log): Promise<ContainerRecords> {
  const opened = await RecordStore.open({
    directory: layout.records.containers,
    durability: 'disk',
    schemaVersion: containerSchemaVersion,
    read: readContainerRecord,
  });
  return { records: report(opened, log), lostIds: opened.lostKeys };
}

async function openVolumes(layout: Layout, log: Log): Promise<VolumeStore> {
  const opened = await RecordStore.open({
    directory: layout.records.volumes,
    durability: 'disk',
    schemaVersion: 1,
    read: readVolumeRecord,
  });
  return await VolumeStore.open({ root: layout.volumes, records: report(opened, log) });
}

interface RecordsOf<T> {
  readonly durability: 'disk' | 'boot';
  readonly read: (body: JsonObject) => T | null;
  readonly log: Log;
}

async function openRecords<T extends object>(
  directory: string,
  { durability, read, log }: RecordsOf<T>,
): Promise<RecordStore<T>> {
  return report(await RecordStore.open<T>({ directory, durability, schemaVersion: 1, read }), log);
}

function report<T extends object>(opened: OpenedStore<T>, log: Log): RecordStore<T> {
  for (const { path, reason, movedTo } of opened.quarantined) {
    log.error('a record could not be read and was moved aside', { path, reason, movedTo });
  }
  return opened.store;
}

/** One that cannot be removed must not keep the engine down. */
async function removeStrayCgroups(
  cgroups: Cgroups,
  liveIds: readonly string[],
  log: Log,
): Promise<void> {
  const live = new Set(liveIds);
  const remove = async (id: string): Promise<void> => {
    await emptyCgroup(cgroups, id);
    await cgroups.remove(id);
  };
  const strays = cgroups.list().filter((id) => !live.has(id));
  const results = await Promise.allSettled(strays.map(remove));
  results.forEach((result, index) => {
    if (result.status === 'rejected')
      log.error('cannot remove the cgroups of a container that is gone', {
        container: strays[index],
        error: String(result.reason),
      });
  });
  cgroups.removeEmptyInstance();
}

interface Parts {
  readonly containers: Containers;
  readonly networks: Networks;
  readonly snapshots: Snapshots;
  readonly cgroups: Cgroups;
}

async function close({ containers, networks, snapshots, cgroups }: Parts): Promise<void> {
  await Promise.all([...containers].map(async ({ shipping }) => shipping?.stop()));
  for (const container of containers) {
    container.restart?.cancel.abort();
    container.process?.close();
  }
  await Promise.all([...containers].map(({ released }) => released));
  await snapshots.close();
  const isIdle = [...containers].every(({ process }) => process === null);
  if (isIdle) await networks.controller.dismantle();
  networks.controller.close();
  // Without a sandbox nobody asks the resolver anything, and the next engine starts another.
  if (isIdle) await networks.resolver.stop();
  else networks.resolver.close();
  cgroups.removeEmptyInstance();
}
