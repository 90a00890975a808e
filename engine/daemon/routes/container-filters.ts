/** Which containers a list shows. Pure: the backend lists all of them. */
import { containerStatuses, EngineError } from '../../api/index.ts';
import {
  flagFilter,
  invalidFilter,
  matchesAny,
  matchesLabels,
  namePattern,
  type Filters,
} from '../server/index.ts';
import type { ContainerListItem } from './containers-backend.ts';
import { parsePortRange, type PortRange } from './port-range.ts';

export const containerFilterKeys: ReadonlySet<string> = new Set([
  'ancestor',
  'before',
  'exited',
  'expose',
  'health',
  'id',
  'is-task',
  'isolation',
  'label',
  'name',
  'network',
  'publish',
  'since',
  'status',
  'volume',
]);

export interface ContainerSelection {
  readonly all: boolean;
  /** Newest n, whatever their status; null: no limit. */
  readonly limit: number | null;
  readonly filters: Filters;
  /** Image ids by the `ancestor` values that name an image. */
  readonly ancestors: ReadonlyMap<string, string>;
}

/** Newest first. Throws `invalid-argument` for values that can match nothing, `not-found` for `before` and `since`. */
export function selectContainers(
  items: readonly ContainerListItem[],
  selection: ContainerSelection,
): readonly ContainerListItem[] {
  const { filters, limit } = selection;
  checkValues(filters);
  const ordered = items.toSorted((a, b) => compare(b.createdNs, a.createdNs));
  const bounds = readBounds(ordered, filters);
  const showsStopped = selection.all || filters.has('status') || limit !== null;
  const ports = {
    publish: filters.get('publish')?.map(readPorts) ?? null,
    expose: filters.get('expose')?.map(readPorts) ?? null,
  };
  const selected = ordered.filter(
    (item) =>
      (showsStopped || isRunning(item)) &&
      item.createdNs < bounds.before &&
      item.createdNs > bounds.since &&
      matchesIdentity(item, filters) &&
      matchesState(item, filters) &&
      matchesOrigin(item, selection) &&
      (ports.publish === null || hasPort(publishedPorts(item), ports.publish)) &&
      (ports.expose === null || hasPort(item.exposedPorts, ports.expose)),
  );
  return limit === null ? selected : selected.slice(0, limit);
}

const healthValues: ReadonlySet<string> = new Set(['none', 'starting', 'healthy', 'unhealthy']);

function checkValues(filters: Filters): void {
  const statuses: ReadonlySet<string> = new Set(containerStatuses);
  const check = (key: string, isValid: (value: string) => boolean): void => {
    for (const value of filters.get(key) ?? []) {
      if (!isValid(value)) throw invalidFilter(`${key}=${value}`);
    }
  };
  check('status', (value) => statuses.has(value));
  check('health', (value) => healthValues.has(value));
  check('exited', (value) => /^-?\d{1,9}$/.test(value));
}

function readBounds(
  items: readonly ContainerListItem[],
  filters: Filters,
): { readonly before: bigint; readonly since: bigint } {
  const times = (key: string): readonly bigint[] =>
    (filters.get(key) ?? []).map((ref) => find(items, ref).createdNs);
  const latest = 2n ** 63n;
  return {
    before: times('before').reduce((least, time) => (time < least ? time : least), latest),
    since: times('since').reduce((most, time) => (time > most ? time : most), -1n),
  };
}

function find(items: readonly ContainerListItem[], ref: string): ContainerListItem {
  const item =
    items.find(({ summary }) => summary.Id === ref || summary.Names.includes(slashed(ref))) ??
    items.find(({ summary }) => summary.Id.startsWith(ref));
  if (item === undefined) throw new EngineError('not-found', `No such container: ${ref}`);
  return item;
}

function matchesIdentity({ summary }: ContainerListItem, filters: Filters): boolean {
  return (
    matchesAny(filters, 'id', (prefix) => summary.Id.startsWith(prefix)) &&
    matchesAny(filters, 'name', (wanted) => {
      const matches = namePattern(wanted);
      return summary.Names.some((name) => matches(name) || matches(name.slice(1)));
    }) &&
    matchesLabels(filters, summary.Labels)
  );
}

function matchesState(item: ContainerListItem, filters: Filters): boolean {
  return (
    matchesAny(filters, 'status', (status) => item.summary.State === status) &&
    matchesAny(filters, 'health', (health) => item.health === health) &&
    matchesAny(
      filters,
      'exited',
      (code) => item.summary.State === 'exited' && item.exitCode === Number(code),
    ) &&
    // Tasks belong to a swarm.
    flagFilter(filters, 'is-task') !== true
  );
}

function matchesOrigin(
  { summary }: ContainerListItem,
  { filters, ancestors }: ContainerSelection,
): boolean {
  const networks = Object.entries(summary.NetworkSettings.Networks);
  return (
    matchesAny(
      filters,
      'ancestor',
      (image) => summary.Image === image || ancestors.get(image) === summary.ImageID,
    ) &&
    matchesAny(filters, 'volume', (volume) =>
      summary.Mounts.some(
        (mount) => (mount.Name ?? mount.Source) === volume || mount.Destination === volume,
      ),
    ) &&
    matchesAny(filters, 'network', (network) =>
      networks.some(
        ([name, endpoint]) =>
          name === network || (network !== '' && endpoint.NetworkID?.startsWith(network) === true),
      ),
    )
  );
}

function isRunning({ summary }: ContainerListItem): boolean {
  return ['running', 'paused', 'restarting'].includes(summary.State);
}

/** Docker compares the container's side of what is published. */
function publishedPorts({ summary }: ContainerListItem): readonly string[] {
  return summary.Ports.filter((port) => port.PublicPort !== undefined).map(
    (port) => `${port.PrivatePort}/${port.Type}`,
  );
}

function hasPort(ports: readonly string[], ranges: readonly PortRange[]): boolean {
  return ports.some((port) => {
    const { first, protocol } = readPorts(port);
    return ranges.some(
      (range) => range.protocol === protocol && first >= range.first && first <= range.last,
    );
  });
}

function readPorts(text: string): PortRange {
  const range = parsePortRange(text);
  if (range === null) throw new EngineError('invalid-argument', `invalid port in filter: ${text}`);
  return range;
}

function slashed(name: string): string {
  return name.startsWith('/') ? name : `/${name}`;
}

function compare(left: bigint, right: bigint): number {
  if (left === right) return 0;
  return left < right ? -1 : 1;
}
