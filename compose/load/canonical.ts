import type { Findings } from './findings.ts';
import { toSortedHosts } from './short-syntax/hosts.ts';
import { toDevices, toMounts } from './short-syntax/mounts.ts';
import { toPorts } from './short-syntax/ports.ts';
import {
  toBuild,
  toDependencies,
  toEnvFiles,
  toExtends,
  toExternal,
  toFileReferences,
  toGpus,
  toServiceModels,
  toServiceNetworks,
  toSsh,
} from './short-syntax/references.ts';
import {
  type Rule,
  toAmount,
  toBytes,
  toCleanPath,
  toContexts,
  toCount,
  toDuration,
  toGivenList,
  toHealthTest,
  toInteger,
  toLabels,
  toList,
  toMicroseconds,
  toModeNumber,
  toModeText,
  toNumber,
  toOptions,
  toText,
  toVariables,
  toWords,
} from './short-syntax/values.ts';
import { Site } from './site.ts';
import { type Level, type Pattern, PathTable } from './tree-path.ts';
import {
  isList,
  isMap,
  setKey,
  spansAt,
  type TreeList,
  type TreeMap,
  type TreeValue,
} from './tree.ts';

type Row = readonly [Pattern, Rule];

const each = (prefix: string, rule: Rule, names: readonly string[]): Row[] =>
  names.map((name) => [`${prefix}.${name}`, rule]);

const build: readonly Row[] = [
  ['services.*.build', toBuild],
  ['services.*.build.args', toVariables],
  ['services.*.build.additional_contexts', toContexts],
  ['services.*.build.labels', toLabels],
  ...each('services.*.build', toText, ['provenance', 'sbom']),
  ['services.*.build.extra_hosts', toSortedHosts],
  ['services.*.build.no_cache_filter', toList],
  ['services.*.build.secrets', toFileReferences],
  ['services.*.build.secrets.[].mode', toModeText],
  ['services.*.build.shm_size', toBytes],
  ['services.*.build.ssh', toSsh],
  ['services.*.build.ulimits.*', toNumber],
  ['services.*.build.ulimits.*.hard', toNumber],
  ['services.*.build.ulimits.*.soft', toNumber],
];

const deploy: readonly Row[] = [
  ['services.*.deploy.labels', toLabels],
  ['services.*.deploy.resources.limits.cpus', toNumber],
  ['services.*.deploy.resources.limits.memory', toBytes],
  ['services.*.deploy.resources.limits.pids', toInteger],
  ['services.*.deploy.resources.reservations.cpus', toNumber],
  ['services.*.deploy.resources.reservations.memory', toBytes],
  ['services.*.deploy.resources.reservations.devices.[].count', toCount],
  ['services.*.deploy.resources.reservations.devices.[].options', toLabels],
  [
    'services.*.deploy.resources.reservations.generic_resources.[].discrete_resource_spec.value',
    toInteger,
  ],
  ...['update_config', 'rollback_config'].flatMap((name) =>
    each(`services.*.deploy.${name}`, toDuration, ['delay', 'monitor']),
  ),
  ...each('services.*.deploy.restart_policy', toDuration, ['delay', 'window']),
  ...each('services.*.deploy', toAmount, [
    'placement.max_replicas_per_node',
    'restart_policy.max_attempts',
    'rollback_config.parallelism',
    'update_config.parallelism',
  ]),
];

const hooks: readonly Row[] = [
  'services.*.post_start.[]',
  'services.*.pre_start.[]',
  'services.*.pre_stop.[]',
  'services.*.develop.watch.[].exec',
].flatMap((prefix) => [
  ...each(prefix, toWords, ['command']),
  ...each(prefix, toVariables, ['environment']),
]);

const values: readonly Row[] = [
  ...each('services.*', toWords, ['command', 'entrypoint']),
  ...each('services.*', toVariables, ['environment']),
  ...each('services.*', toLabels, ['labels', 'annotations', 'sysctls']),
  ['services.*.dns', toGivenList],
  ...each('services.*', toList, [
    'dns_opt',
    'dns_search',
    'expose',
    'group_add',
    'label_file',
    'tmpfs',
  ]),
  ...each('services.*', toBytes, [
    'mem_limit',
    'mem_reservation',
    'mem_swappiness',
    'memswap_limit',
    'shm_size',
  ]),
  ...each('services.*', toNumber, ['cpu_percent', 'cpus']),
  ...each('services.*', toInteger, [
    'cpu_count',
    'cpu_period',
    'cpu_quota',
    'cpu_shares',
    'oom_score_adj',
    'pids_limit',
    'scale',
  ]),
  ...each('services.*', toMicroseconds, ['cpu_rt_period', 'cpu_rt_runtime']),
  ...each('services.*', toDuration, ['stop_grace_period']),
  ...each('services.*.healthcheck', toDuration, [
    'interval',
    'start_interval',
    'start_period',
    'timeout',
  ]),
  ['services.*.healthcheck.retries', toAmount],
  ['services.*.healthcheck.test', toHealthTest],
  ['services.*.extra_hosts', toSortedHosts],
  ['services.*.logging.options', toOptions],
  ['services.*.storage_opt', toOptions],
  ['services.*.ulimits.*', toNumber],
  ['services.*.ulimits.*.hard', toNumber],
  ['services.*.ulimits.*.soft', toNumber],
  ['services.*.blkio_config.weight', toAmount],
  ['services.*.blkio_config.weight_device.[].weight', toAmount],
  ...['device_read_bps', 'device_read_iops', 'device_write_bps', 'device_write_iops'].map(
    (name): Row => [`services.*.blkio_config.${name}.[].rate`, toBytes],
  ),
  ...each('services.*.develop.watch.[]', toList, ['ignore', 'include']),
];

const references: readonly Row[] = [
  ['services.*.depends_on', toDependencies],
  ['services.*.devices', toDevices],
  ['services.*.env_file', toEnvFiles],
  ['services.*.extends', toExtends],
  ['services.*.gpus', toGpus],
  ['services.*.gpus.[].count', toCount],
  ['services.*.gpus.[].options', toLabels],
  ['services.*.models', toServiceModels],
  ['services.*.networks', toServiceNetworks],
  ['services.*.networks.*.driver_opts', toOptions],
  ...each('services.*.networks.*', toInteger, ['gw_priority', 'priority']),
  ['services.*.ports', toPorts],
  ['services.*.ports.[].published', toText],
  ['services.*.ports.[].target', toInteger],
  ['services.*.secrets', toFileReferences],
  ['services.*.secrets.[].mode', toModeText],
  ['services.*.configs', toFileReferences],
  ['services.*.configs.[].mode', toModeText],
  ['services.*.volumes', toMounts],
  ['services.*.volumes.[].target', toCleanPath],
  ['services.*.volumes.[].tmpfs.mode', toModeNumber],
  ['services.*.volumes.[].tmpfs.size', toBytes],
  ['services.*.volumes.[].volume.labels', toLabels],
];

const resources: readonly Row[] = ['networks', 'volumes', 'secrets', 'configs'].flatMap((kind) => [
  [`${kind}.*`, toExternal] as const,
  [`${kind}.*.labels`, toLabels] as const,
  [`${kind}.*.driver_opts`, toOptions] as const,
]);

/** Path → short syntax and value forms of that attribute. Idempotent, since it runs after every merge. */
const rules = new PathTable<Rule>([
  ...build,
  ...deploy,
  ...hooks,
  ...values,
  ...references,
  ...resources,
]);

/** Gives every attribute its one long form, in place. */
export function canonical(root: TreeMap, findings: Findings): void {
  visit(root, { path: [], rules: rules.root }, findings);
}

/** Where a walk is; one path for all of it, as few values need theirs. */
interface Walk {
  readonly path: (string | number)[];
  readonly rules: Level<Rule>;
}

function visit(holder: TreeMap | TreeList, { path, rules }: Walk, findings: Findings): void {
  const keys = isList(holder) ? [...holder.keys()] : Object.keys(holder);
  for (const key of keys) {
    const below = rules.at(key);
    if (below === null) continue;
    path.push(key);
    const value = applyRule(holder, { path, rules: below }, findings);
    if (isMap(value) || isList(value)) visit(value, { path, rules: below }, findings);
    path.pop();
  }
}

/** The value at the last step of a path, in its canonical form. */
function applyRule(
  holder: TreeMap | TreeList,
  { path, rules: { value: rule } }: Walk,
  findings: Findings,
): TreeValue {
  const key = path.at(-1) ?? '';
  const value = (isList(holder) ? holder[Number(key)] : holder[key]) ?? null;
  if (rule === undefined) return value;
  const spans = spansAt(holder, key);
  const changed = rule(value, new Site([...path], spans.value, findings));
  if (changed === value) return value;
  if (isList(holder)) holder[Number(key)] = changed;
  else setKey(holder, [String(key), changed], spans);
  return changed;
}
