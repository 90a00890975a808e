/**
 * The order in which `config` prints the attributes of each object: that of the structures of the reference
 * implementation, so that the output of both can be compared line by line. `x-…` attributes follow the others.
 */

/** What a value is made of, as far as its order matters; a value without a shape is printed sorted by key. */
export type Shape = ObjectShape | { readonly kind: 'map' | 'list'; readonly of: Shape | null };

export interface ObjectShape {
  readonly kind: 'object';
  readonly order: ReadonlyMap<string, Shape | null>;
  readonly quirks: Quirks;
}

/** Where the reference implementation prints an object differently from the rest. */
interface Quirks {
  /** Its `x-…` attributes are forgotten. */
  readonly dropsExtensions?: boolean;
  /** JSON begins the names of its attributes with a capital. */
  readonly capitalisedInJson?: boolean;
  /** It may be one number, and has zeros. */
  readonly isLimits?: boolean;
  /** Shown also where they are not set. */
  readonly always?: Readonly<Record<string, unknown>>;
  /** The same, in JSON alone. */
  readonly alwaysInJson?: Readonly<Record<string, unknown>>;
}

type Nested = Readonly<Record<string, Shape>>;

function object(names: string, nested: Nested = {}, quirks: Quirks = {}): ObjectShape {
  const order = new Map(names.split(' ').map((name) => [name, nested[name] ?? null]));
  return { kind: 'object', order, quirks };
}

function bareObject(names: string, quirks: Quirks = {}): ObjectShape {
  return object(names, {}, { dropsExtensions: true, ...quirks });
}

const mapOf = (of: Shape | null = null): Shape => ({ kind: 'map', of });
const listOf = (of: Shape): Shape => ({ kind: 'list', of });

const strings = mapOf();
const fileReferences = listOf(object('source target uid gid mode'));
const ulimits = mapOf(bareObject('soft hard', { isLimits: true }));
const hook = object('command image user privileged working_dir environment per_replica', {
  environment: strings,
});
const deviceRequests = listOf(bareObject('capabilities driver count device_ids options'));

const build = object(
  'context dockerfile dockerfile_inline entitlements args provenance sbom ssh labels cache_from cache_to no_cache ' +
    'no_cache_filter additional_contexts pull extra_hosts isolation network target secrets shm_size tags ulimits ' +
    'platforms privileged',
  {
    args: strings,
    labels: strings,
    additional_contexts: strings,
    secrets: fileReferences,
    ulimits,
  },
);

const watchRule = object(
  'path action target exec include ignore initial_sync',
  { exec: hook },
  { alwaysInJson: { exec: { command: null } } },
);
const develop = object('watch', { watch: listOf(watchRule) });

const device = (amount: string, always: Quirks['always']): Shape =>
  listOf(bareObject(`path ${amount}`, { capitalisedInJson: true, ...(always && { always }) }));
const throttles = device('rate', { rate: '0' });
const blkio = object(
  'weight weight_device device_read_bps device_read_iops device_write_bps device_write_iops',
  {
    weight_device: device('weight', { weight: 0 }),
    device_read_bps: throttles,
    device_read_iops: throttles,
    device_write_bps: throttles,
    device_write_iops: throttles,
  },
);

const update = object('parallelism delay failure_action monitor max_failure_ratio order');
const resource = object('cpus memory pids devices generic_resources', {
  devices: deviceRequests,
  generic_resources: listOf(
    object('discrete_resource_spec', {
      discrete_resource_spec: object('kind value', {}, { always: { kind: '', value: 0 } }),
    }),
  ),
});
const deploy = object(
  'mode replicas labels update_config rollback_config resources restart_policy placement endpoint_mode',
  {
    labels: strings,
    update_config: update,
    rollback_config: update,
    resources: object('limits reservations', { limits: resource, reservations: resource }),
    restart_policy: object('condition delay max_attempts window'),
    placement: object('constraints preferences max_replicas_per_node', {
      preferences: listOf(object('spread')),
    }),
  },
);

const mount = object('type source target read_only consistency bind volume tmpfs image', {
  bind: object('selinux propagation create_host_path recursive'),
  volume: object('labels nocopy subpath', { labels: strings }),
  tmpfs: object('size mode'),
  image: object('subpath'),
});

const serviceNetwork = object(
  'aliases driver_opts gw_priority interface_name ipv4_address ipv6_address link_local_ips mac_address priority',
  { driver_opts: strings },
);

export const serviceShape: ObjectShape = object(
  'profiles annotations attach build develop blkio_config cap_add cap_drop cgroup_parent cgroup cpu_count cpu_percent ' +
    'cpu_period cpu_quota cpu_rt_period cpu_rt_runtime cpus cpuset cpu_shares command configs container_name ' +
    'credential_spec depends_on deploy device_cgroup_rules devices dns dns_opt dns_search dockerfile domainname ' +
    'entrypoint provider environment env_file expose extends external_links extra_hosts group_add gpus hostname ' +
    'healthcheck image init ipc isolation labels label_file links logging mem_limit mem_reservation memswap_limit ' +
    'mem_swappiness mac_address models networks network_mode oom_kill_disable oom_score_adj pid pids_limit platform ' +
    'ports privileged pull_policy pull_refresh_after read_only restart runtime scale secrets security_opt shm_size ' +
    'stdin_open stop_grace_period stop_signal storage_opt sysctls tmpfs tty ulimits use_api_socket user userns_mode ' +
    'uts volume_driver volumes volumes_from working_dir pre_start post_start pre_stop',
  {
    annotations: strings,
    build,
    develop,
    blkio_config: blkio,
    configs: fileReferences,
    credential_spec: object('config file registry'),
    depends_on: mapOf(object('condition restart required')),
    deploy,
    devices: listOf(object('source target permissions')),
    provider: object('type options', { options: strings }),
    environment: strings,
    env_file: listOf(bareObject('path required format')),
    gpus: deviceRequests,
    healthcheck: object('test timeout interval retries start_period start_interval disable'),
    labels: strings,
    logging: object('driver options', { options: strings }),
    models: mapOf(object('endpoint_var model_var')),
    networks: mapOf(serviceNetwork),
    ports: listOf(object('name mode host_ip target published protocol app_protocol')),
    pre_start: listOf(hook),
    post_start: listOf(hook),
    pre_stop: listOf(hook),
    secrets: fileReferences,
    storage_opt: strings,
    sysctls: strings,
    ulimits,
    volumes: listOf(mount),
  },
);

export const networkShape: ObjectShape = object(
  'name driver driver_opts ipam external internal attachable labels enable_ipv4 enable_ipv6',
  {
    driver_opts: strings,
    ipam: object('driver config options', {
      config: listOf(bareObject('subnet gateway ip_range aux_addresses')),
      options: strings,
    }),
    labels: strings,
  },
);
export const volumeShape: ObjectShape = object('name driver driver_opts external labels', {
  driver_opts: strings,
  labels: strings,
});
const fileResource = object(
  'name file environment content external labels driver driver_opts template_driver',
  { driver_opts: strings, labels: strings },
);

export const projectShape: ObjectShape = object(
  'name services networks volumes secrets configs models',
  {
    services: mapOf(serviceShape),
    networks: mapOf(networkShape),
    volumes: mapOf(volumeShape),
    secrets: mapOf(fileResource),
    configs: mapOf(fileResource),
    models: mapOf(object('name model context_size runtime_flags')),
  },
);
