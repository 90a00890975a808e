import { Type, type TSchema } from 'typebox';
import { build } from './build.ts';
import { deviceRequest } from './definitions.ts';
import { deploy } from './deploy.ts';
import { develop } from './develop.ts';
import { healthcheck } from './healthcheck.ts';
import { devices, mounts } from './mount.ts';
import { serviceNetworks } from './network.ts';
import { ports } from './port.ts';
import {
  type Attributes,
  boolOrString,
  closedObject,
  either,
  integer,
  integerOrString,
  listOf,
  mapOf,
  nameKeys,
  nothing,
  number,
  numberOrString,
  object,
  oneOf,
  setOf,
  shared,
  string,
  stringOrNumber,
} from './shapes.ts';

const dependsOn = either(
  setOf(string),
  mapOf(
    object(
      {
        condition: oneOf('service_started', 'service_healthy', 'service_completed_successfully'),
        required: Type.Boolean(),
        restart: boolOrString,
      },
      ['condition'],
    ),
    nameKeys,
  ),
);

const blkioLimits = listOf(closedObject({ path: string, rate: integerOrString }));
const blkioConfig = closedObject({
  device_read_bps: blkioLimits,
  device_read_iops: blkioLimits,
  device_write_bps: blkioLimits,
  device_write_iops: blkioLimits,
  weight: integerOrString,
  weight_device: listOf(closedObject({ path: string, weight: integerOrString })),
});

const flag = either(string, number, Type.Boolean());

const identity: Attributes = {
  annotations: shared('listOrMap'),
  attach: boolOrString,
  build,
  command: shared('command'),
  container_name: Type.String({ pattern: '^[a-zA-Z0-9][a-zA-Z0-9_.-]+$' }),
  depends_on: dependsOn,
  deploy,
  develop,
  domainname: string,
  entrypoint: shared('command'),
  env_file: shared('envFile'),
  environment: shared('listOrMap'),
  extends: either(string, closedObject({ file: string, service: string }, ['service'])),
  group_add: setOf(stringOrNumber),
  healthcheck,
  hostname: string,
  image: string,
  init: boolOrString,
  label_file: either(string, listOf(string)),
  labels: shared('labels'),
  logging: object({ driver: string, options: mapOf(either(string, number, nothing)) }),
  models: either(
    setOf(string),
    mapOf(either(nothing, object({ endpoint_var: string, model_var: string })), nameKeys),
  ),
  platform: string,
  post_start: listOf(shared('hook')),
  pre_start: listOf(shared('hook')),
  pre_stop: listOf(shared('hook')),
  profiles: shared('strings'),
  provider: object({ options: mapOf(either(flag, listOf(flag))), type: string }, ['type']),
  pull_policy: Type.String({
    pattern:
      '^(always|never|build|if_not_present|missing|refresh|daily|weekly|every_([0-9]+[wdhms])+)$',
  }),
  pull_refresh_after: string,
  restart: string,
  scale: integerOrString,
  stdin_open: boolOrString,
  stop_grace_period: string,
  stop_signal: string,
  tty: boolOrString,
  use_api_socket: Type.Boolean(),
  user: string,
  working_dir: string,
};

const connections: Attributes = {
  configs: shared('fileReferences'),
  dns: shared('stringOrList'),
  dns_opt: setOf(string),
  dns_search: shared('stringOrList'),
  expose: setOf(stringOrNumber),
  external_links: setOf(string),
  extra_hosts: shared('extraHosts'),
  links: setOf(string),
  mac_address: string,
  network_mode: string,
  networks: serviceNetworks,
  ports,
  secrets: shared('fileReferences'),
  tmpfs: shared('stringOrList'),
  volumes: mounts,
  volumes_from: setOf(string),
};

const isolation: Attributes = {
  blkio_config: blkioConfig,
  cap_add: setOf(string),
  cap_drop: setOf(string),
  cgroup: oneOf('host', 'private'),
  cgroup_parent: string,
  cpu_count: either(string, Type.Integer({ minimum: 0 })),
  cpu_percent: either(string, Type.Number({ minimum: 0, maximum: 100 })),
  cpu_period: numberOrString,
  cpu_quota: numberOrString,
  cpu_rt_period: numberOrString,
  cpu_rt_runtime: numberOrString,
  cpu_shares: numberOrString,
  cpus: numberOrString,
  cpuset: string,
  credential_spec: object({ config: string, file: string, registry: string }),
  device_cgroup_rules: shared('strings'),
  devices,
  gpus: either(Type.String({ pattern: '^all$' }), listOf(object(deviceRequest))),
  ipc: string,
  isolation: string,
  mem_limit: numberOrString,
  mem_reservation: either(string, integer),
  mem_swappiness: integerOrString,
  memswap_limit: numberOrString,
  oom_kill_disable: boolOrString,
  oom_score_adj: either(string, Type.Integer({ minimum: -1000, maximum: 1000 })),
  pid: either(string, nothing),
  pids_limit: numberOrString,
  privileged: boolOrString,
  read_only: boolOrString,
  runtime: string,
  security_opt: setOf(string),
  shm_size: numberOrString,
  storage_opt: Type.Unsafe({ type: 'object' }),
  sysctls: shared('listOrMap'),
  ulimits: shared('ulimits'),
  userns_mode: string,
  uts: string,
};

/** services.*. */
export const service: TSchema = object({ ...identity, ...connections, ...isolation });
