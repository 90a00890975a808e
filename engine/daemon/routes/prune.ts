/** Removing what nothing uses, and how much space things take. */
import type {
  ContainersPruned,
  DiskUsage,
  ImagesPruned,
  NetworksPruned,
  VolumesPruned,
} from '../../api/index.ts';
import { compareApiVersions, EngineError } from '../../api/index.ts';
import {
  flagFilter,
  json,
  matchesLabels,
  matchesNoLabels,
  parseQueryTime,
  type Filters,
  type Route,
} from '../server/index.ts';

/** Decides about one thing by what all of them have. */
export interface PruneSelection {
  matches(candidate: {
    readonly labels: Readonly<Record<string, string>> | null | undefined;
    readonly createdNs: bigint;
  }): boolean;
}

export const diskUsageTypes = ['container', 'image', 'volume', 'build-cache'] as const;
export type DiskUsageType = (typeof diskUsageTypes)[number];

/** What is in use is left alone, whatever the selection says. */
export interface PruneBackend {
  containers(selection: PruneSelection): Promise<ContainersPruned>;
  /** `all`: every image without a container; else those without a name. */
  images(selection: PruneSelection, options: { readonly all: boolean }): Promise<ImagesPruned>;
  networks(selection: PruneSelection): Promise<NetworksPruned>;
  /** `all`: named volumes as well as anonymous ones. */
  volumes(selection: PruneSelection, options: { readonly all: boolean }): Promise<VolumesPruned>;
  diskUsage(types: ReadonlySet<DiskUsageType>): Promise<DiskUsage>;
}

const common = ['until', 'label', 'label!'];
const filterKeys = {
  containers: new Set(common),
  networks: new Set(common),
  images: new Set([...common, 'dangling']),
  volumes: new Set(['label', 'label!', 'all']),
} as const;

export function pruneRoutes(backend: PruneBackend): readonly Route[] {
  const at = (kind: keyof typeof filterKeys, handle: Handle): Route => ({
    method: 'POST',
    path: `/${kind}/prune`,
    handle: async (request) => {
      const filters = request.query.filters(filterKeys[kind]);
      return json(await handle(selectionOf(filters), filters, request));
    },
  });
  return [
    at('containers', (selection) => backend.containers(selection)),
    at('networks', (selection) => backend.networks(selection)),
    at('images', (selection, filters) =>
      backend.images(selection, { all: flagFilter(filters, 'dangling') === false }),
    ),
    at('volumes', (selection, filters, { version }) => {
      // Before 1.42 a prune took named volumes as well.
      const isOld = compareApiVersions(version, { major: 1, minor: 42 }) < 0;
      return backend.volumes(selection, { all: isOld || flagFilter(filters, 'all') === true });
    }),
    {
      method: 'GET',
      path: '/system/df',
      handle: async ({ query }) => json(await backend.diskUsage(readTypes(query.texts('type')))),
    },
  ];
}

type Handle = (
  selection: PruneSelection,
  filters: Filters,
  request: Parameters<Route['handle']>[0],
) => Promise<object>;

function selectionOf(filters: Filters): PruneSelection {
  const limits = (filters.get('until') ?? []).map((text) => parseQueryTime(text, 'until'));
  return {
    matches: ({ labels, createdNs }) =>
      limits.every((limit) => createdNs < limit) &&
      matchesLabels(filters, labels) &&
      matchesNoLabels(filters, labels),
  };
}

/** None asked for is all. */
function readTypes(asked: readonly string[]): ReadonlySet<DiskUsageType> {
  if (asked.length === 0) return new Set(diskUsageTypes);
  return new Set(
    asked.map((text) => {
      const type = diskUsageTypes.find((known) => known === text);
      if (type !== undefined) return type;
      throw new EngineError('invalid-argument', `unknown object type: ${text}`);
    }),
  );
}
