import type {
  ContainerSummary,
  ImageSummary,
  NetworkInspect,
  Volume,
} from '../../engine/api/index.ts';
import { labels } from '../labels.ts';
import { imageNames } from './images.ts';
import type { Health, Observed, ObservedContainer, ObservedResource } from './observed.ts';

export type Filters = Readonly<Record<string, readonly string[]>>;

export interface ListOptions {
  readonly filters?: Filters;
  readonly signal?: AbortSignal;
}

/** The reads that observing needs. */
export interface ObservePort {
  /** What the engine calls itself; empty or absent: nothing is known. */
  readonly server?: string;
  readonly containers: {
    list(options?: ListOptions & { readonly all?: boolean }): Promise<readonly ContainerSummary[]>;
  };
  readonly networks: { list(options?: ListOptions): Promise<readonly NetworkInspect[]> };
  readonly volumes: { list(options?: ListOptions): Promise<readonly Volume[]> };
  readonly images: { list(options?: ListOptions): Promise<readonly ImageSummary[]> };
}

/** Reads what exists, once: four lists at the same time, whatever the project's size. */
export async function observe(
  port: ObservePort,
  projectName: string,
  { signal }: { readonly signal?: AbortSignal } = {},
): Promise<Observed> {
  const options = signal === undefined ? {} : { signal };
  const readAt = Math.floor(Date.now() / 1000);
  const ofProject = { filters: { label: [`${labels.project}=${projectName}`] }, ...options };
  const [containers, networks, volumes, images] = await Promise.all([
    port.containers.list({ all: true, ...ofProject }),
    port.networks.list(options),
    port.volumes.list(options),
    port.images.list(options),
  ]);
  return {
    projectName,
    containers: containers.map(toContainer).sort(byName),
    networks: networks.map(toResource),
    volumes: volumes.map(toResource),
    images: new Map(images.flatMap((image) => imageNames(image).map((name) => [name, image.Id]))),
    readAt,
    ...(isOther(port.server) && { isOtherEngine: true }),
  };
}

function isOther(server = ''): boolean {
  return server !== '' && !server.startsWith('tscompose/');
}

/** Some engines answer null where there are no labels. */
function toResource(resource: {
  readonly Name: string;
  readonly Labels: Readonly<Record<string, string>> | null;
}): ObservedResource {
  return { name: resource.Name, labels: resource.Labels ?? {} };
}

function byName(left: ObservedContainer, right: ObservedContainer): number {
  return left.name < right.name ? -1 : 1;
}

function toContainer(summary: ContainerSummary): ObservedContainer {
  const own = summary.Labels;
  const mounted = summary.Mounts.flatMap(({ Type, Name, Destination }) =>
    Type === 'volume' && Name !== undefined ? [{ name: Name, target: Destination }] : [],
  );
  return {
    id: summary.Id,
    // A container that others link to has further names, with a slash inside.
    name: (summary.Names.find((name) => !name.slice(1).includes('/')) ?? summary.Id).replace(
      /^\//,
      '',
    ),
    service: own[labels.service] ?? null,
    number: Number(own[labels.containerNumber] ?? 0),
    isOneOff: own[labels.oneOff] === 'True',
    configHash: own[labels.configHash] ?? null,
    imageId: own[labels.image] ?? summary.ImageID,
    status: summary.State,
    health: healthOf(summary.Status),
    exitCode: exitCodeOf(summary.Status),
    labels: own,
    networks: Object.keys(summary.NetworkSettings.Networks),
    volumes: mounted.map(({ name }) => name),
    volumeAt: Object.fromEntries(mounted.map(({ target, name }) => [target, name])),
  };
}

/** The list has health only in words: "Up 2 minutes (healthy)". */
function healthOf(status: string): Health {
  const words = /\((health: starting|healthy|unhealthy)\)/.exec(status)?.[1];
  if (words === undefined) return 'none';
  return words === 'health: starting' ? 'starting' : (words as Health);
}

function exitCodeOf(status: string): number | null {
  const code = /^Exited \((\d+)\)/.exec(status)?.[1];
  return code === undefined ? null : Number(code);
}
