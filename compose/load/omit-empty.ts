/** What says nothing is left out of the model: unset and empty are told apart only where it matters. */
import { type Level, PathTable } from './tree-path.ts';
import { isList, isMap, type TreeList, type TreeMap, type TreeValue } from './tree.ts';

/** What becomes of an empty value. */
type Emptiness =
  /** It stays, even null: an entry of a map with the user's keys. */
  | 'entry'
  /** It stays, unless it is null: its presence is a statement. */
  | 'present'
  /** As every other, and this text is its zero. */
  | { readonly zero: string };

const rows = (
  emptiness: Emptiness,
  prefix: string,
  names: readonly string[],
): (readonly [string, Emptiness])[] => names.map((name) => [`${prefix}.${name}`, emptiness]);

const hooks = ['post_start', 'pre_start', 'pre_stop'].map((name) => `services.*.${name}.[]`);
const requests = ['gpus.[]', 'deploy.resources.reservations.devices.[]'];

const entries = [
  'annotations',
  'build.additional_contexts',
  'build.args',
  'build.labels',
  'build.ulimits',
  'depends_on',
  'deploy.labels',
  'environment',
  'labels',
  'logging.options',
  'models',
  'networks',
  'networks.*.driver_opts',
  'storage_opt',
  'sysctls',
  'ulimits',
  'volumes.[].volume.labels',
  'develop.watch.[].exec.environment',
  ...requests.map((request) => `${request}.options`),
].map((name) => `${name}.*`);

const service: readonly (readonly [string, Emptiness])[] = [
  ...rows('entry', 'services.*', entries),
  // Unset and empty are two things: the image's command, and none.
  ...hooks.flatMap((hook) => rows('entry', hook, ['command', 'environment.*'])),
  ...rows('present', 'services.*', [
    'attach',
    'blkio_config',
    'blkio_config.weight_device.[].path',
    'blkio_config.weight_device.[].weight',
    'build',
    'command',
    'credential_spec',
    'deploy',
    'develop',
    'entrypoint',
    'healthcheck',
    'init',
    'logging',
    'provider',
    'scale',
    'stop_grace_period',
    'depends_on.*.required',
    'build.ulimits.*.hard',
    'build.ulimits.*.soft',
    'ulimits.*.hard',
    'ulimits.*.soft',
  ]),
  ...['device_read_bps', 'device_read_iops', 'device_write_bps', 'device_write_iops'].flatMap(
    (name) => rows('present', `services.*.blkio_config.${name}.[]`, ['path', 'rate']),
  ),
  ...rows('present', 'services.*.healthcheck', [
    'interval',
    'retries',
    'start_interval',
    'start_period',
    'timeout',
  ]),
  ...rows('present', 'services.*.deploy', [
    'placement',
    'replicas',
    'resources',
    'resources.limits',
    'resources.reservations',
    'resources.reservations.generic_resources.[].discrete_resource_spec',
    'resources.reservations.generic_resources.[].discrete_resource_spec.kind',
    'resources.reservations.generic_resources.[].discrete_resource_spec.value',
    'restart_policy',
    'restart_policy.delay',
    'restart_policy.max_attempts',
    'restart_policy.window',
    'rollback_config',
    'rollback_config.parallelism',
    'update_config',
    'update_config.parallelism',
  ]),
  ...['update_config', 'rollback_config'].flatMap((name) =>
    rows({ zero: '0s' }, `services.*.deploy.${name}`, ['delay', 'monitor']),
  ),
  // False asks for what unset does not: that a missing source is an error.
  ...rows('present', 'services.*.volumes.[]', [
    'bind',
    'bind.create_host_path',
    'image',
    'tmpfs',
    'volume',
  ]),
  // Sizes that are zero set no limit.
  ...rows({ zero: '0' }, 'services.*', [
    'build.shm_size',
    'deploy.resources.limits.memory',
    'deploy.resources.reservations.memory',
    'mem_limit',
    'mem_reservation',
    'mem_swappiness',
    'memswap_limit',
    'shm_size',
    'volumes.[].tmpfs.size',
  ]),
];

const resources: readonly (readonly [string, Emptiness])[] = [
  ...['networks', 'volumes', 'secrets', 'configs'].flatMap((kind) =>
    rows('entry', `${kind}.*`, ['labels.*', 'driver_opts.*']),
  ),
  ...rows('present', 'networks.*', ['enable_ipv4', 'enable_ipv6', 'ipam']),
  ['networks.*.ipam.config.[].aux_addresses.*', 'entry'],
  ['networks.*.ipam.options.*', 'entry'],
];

const kept = new PathTable<Emptiness>([...service, ...resources]);

/** Leaves empty attributes out, in place. `x-…` is the user's: nothing in it is touched. */
export function omitEmpty(root: TreeMap): void {
  for (const section of Object.keys(root)) {
    const items = root[section];
    if (section.startsWith('x-') || !isMap(items)) continue;
    // Services and resources themselves are there by their names.
    for (const name of Object.keys(items)) {
      const item = items[name];
      if (isMap(item)) visit(item, kept.root.at(section)?.at(name) ?? null);
    }
  }
}

function visit(holder: TreeMap | TreeList, rules: Level<Emptiness> | null): void {
  if (isList(holder)) {
    holder.forEach((item, index) => {
      if (isMap(item) || isList(item)) visit(item, rules?.at(index) ?? null);
    });
    return;
  }
  for (const key of Object.keys(holder)) {
    const value = holder[key] ?? null;
    const below = rules?.at(key) ?? null;
    const emptiness = below?.value;
    if (key.startsWith('x-') && emptiness !== 'entry') continue;
    if (isMap(value) || isList(value)) visit(value, below);
    if (saysNothing(value, emptiness)) Reflect.deleteProperty(holder, key);
  }
}

function saysNothing(value: TreeValue, emptiness: Emptiness | undefined): boolean {
  if (emptiness === 'entry') return false;
  if (emptiness === 'present') return value === null;
  return isEmpty(value) || (emptiness !== undefined && value === emptiness.zero);
}

function isEmpty(value: TreeValue): boolean {
  if (isList(value)) return value.length === 0;
  if (isMap(value)) return Object.keys(value).length === 0;
  return value === null || value === '' || value === false || value === 0;
}
