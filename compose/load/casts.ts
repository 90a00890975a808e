import { PathTable } from './tree-path.ts';

/** What a string becomes at a path where the specification wants another type; null: it cannot. */
export interface Cast {
  readonly type: string;
  readonly convert: (text: string) => number | boolean | null;
}

const integer: Cast = {
  type: 'a whole number',
  convert: (text) => (/^[-+]?\d+$/.test(text) ? Number(text) : null),
};
const decimal: Cast = {
  type: 'a number',
  convert: (text) => (/^[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?$/.test(text) ? Number(text) : null),
};
const boolean: Cast = {
  type: 'true or false',
  convert: (text) => booleans.get(text.toLowerCase()) ?? null,
};

/** Beyond YAML 1.2's two, what docker compose takes. */
const booleans = new Map([
  ['true', true],
  ['y', true],
  ['yes', true],
  ['on', true],
  ['false', false],
  ['n', false],
  ['no', false],
  ['off', false],
]);

export function isUnusualBoolean(text: string): boolean {
  return !/^(true|false)$/i.test(text);
}

const service = (path: string, cast: Cast): readonly [string, Cast] => [`services.*.${path}`, cast];

/** Path → type a string becomes once variables are substituted. */
export const casts: PathTable<Cast> = new PathTable<Cast>([
  service('attach', boolean),
  service('build.no_cache', boolean),
  service('build.privileged', boolean),
  service('build.pull', boolean),
  service('cpu_count', integer),
  service('cpu_percent', decimal),
  service('cpu_period', integer),
  service('cpu_quota', integer),
  service('cpu_rt_period', integer),
  service('cpu_rt_runtime', integer),
  service('cpu_shares', integer),
  service('cpus', decimal),
  service('depends_on.*.required', boolean),
  service('depends_on.*.restart', boolean),
  service('deploy.placement.max_replicas_per_node', integer),
  service('deploy.replicas', integer),
  service('deploy.restart_policy.max_attempts', integer),
  service('deploy.rollback_config.max_failure_ratio', decimal),
  service('deploy.rollback_config.parallelism', integer),
  service('deploy.update_config.max_failure_ratio', decimal),
  service('deploy.update_config.parallelism', integer),
  service('env_file.[].required', boolean),
  service('healthcheck.disable', boolean),
  service('healthcheck.retries', integer),
  service('init', boolean),
  service('oom_kill_disable', boolean),
  service('oom_score_adj', integer),
  service('pids_limit', integer),
  service('ports.[].target', integer),
  service('post_start.[].privileged', boolean),
  service('pre_start.[].privileged', boolean),
  service('pre_stop.[].privileged', boolean),
  service('privileged', boolean),
  service('read_only', boolean),
  service('scale', integer),
  service('stdin_open', boolean),
  service('tty', boolean),
  service('ulimits.*', integer),
  service('ulimits.*.hard', integer),
  service('ulimits.*.soft', integer),
  service('volumes.[].bind.create_host_path', boolean),
  service('volumes.[].read_only', boolean),
  service('volumes.[].volume.nocopy', boolean),
  ['configs.*.external', boolean],
  ['networks.*.attachable', boolean],
  ['networks.*.enable_ipv4', boolean],
  ['networks.*.enable_ipv6', boolean],
  ['networks.*.external', boolean],
  ['networks.*.internal', boolean],
  ['secrets.*.external', boolean],
  ['volumes.*.external', boolean],
]);
