import type { VolumeCreateRequest, VolumeList } from '../../api/index.ts';
import {
  flagFilter,
  json,
  matchesAny,
  matchesLabels,
  noContent,
  record,
  text,
  textMap,
  type Filters,
  type Route,
} from '../server/index.ts';
import type { VolumeBackend, VolumeListItem } from './volumes-backend.ts';

const filterKeys: ReadonlySet<string> = new Set(['dangling', 'driver', 'label', 'name']);

const volumeCreateRequest = record<VolumeCreateRequest>({
  Name: text,
  Driver: text,
  DriverOpts: textMap,
  Labels: textMap,
});

export function volumeRoutes(volumes: VolumeBackend): readonly Route[] {
  return [
    {
      method: 'GET',
      path: '/volumes',
      handle: async ({ query }) => {
        const selected = selectVolumes(await volumes.list(), query.filters(filterKeys));
        const body: VolumeList = { Volumes: selected.map(({ volume }) => volume), Warnings: null };
        return json(body);
      },
    },
    {
      method: 'POST',
      path: '/volumes/create',
      handle: async (request) =>
        json(await volumes.create(await request.json(volumeCreateRequest), request.abort), 201),
    },
    {
      method: 'GET',
      path: '/volumes/{name}',
      handle: async ({ parameter }) => json(await volumes.inspect(parameter('name'))),
    },
    {
      method: 'DELETE',
      path: '/volumes/{name}',
      handle: async ({ parameter, query }) => {
        await volumes.remove(parameter('name'), { force: query.flag('force') });
        return noContent();
      },
    },
  ];
}

export function selectVolumes(
  items: readonly VolumeListItem[],
  filters: Filters,
): readonly VolumeListItem[] {
  const isDangling = flagFilter(filters, 'dangling');
  return items.filter(
    ({ volume, isUsed }) =>
      matchesAny(filters, 'name', (name) => volume.Name.includes(name)) &&
      matchesAny(filters, 'driver', (driver) => volume.Driver === driver) &&
      matchesLabels(filters, volume.Labels) &&
      (isDangling === null || isDangling !== isUsed),
  );
}
