import { deviceRequest, strings, texts, ulimits } from './definitions.ts';
import { devices } from './mount.ts';
import {
  anyObject,
  become,
  bytes,
  closedObject,
  either,
  flag,
  integer,
  limited,
  listOf,
  nothing,
  number,
  numeric,
  object,
  oneOf,
  optional,
  setOf,
  string,
  wholeNumber,
  withShort,
} from './shapes.ts';

/** services.*.gpus[]. */
export const gpu = object(deviceRequest);

const blockLimits = listOf(
  closedObject({
    path: optional('Device of the host.', string, { examples: ['/dev/sda'] }),
    rate: optional('How much in a second.', become<string>(wholeNumber), {
      examples: ['12mb', 120],
    }),
  }),
);

const blockConfig = closedObject({
  device_read_bps: optional('Bytes a device is read at most in a second.', blockLimits),
  device_read_iops: optional('Times a device is read at most in a second.', blockLimits),
  device_write_bps: optional('Bytes a device is written at most in a second.', blockLimits),
  device_write_iops: optional('Times a device is written at most in a second.', blockLimits),
  weight: optional('Share of the disk time when there is not enough, 10 to 1000.', wholeNumber, {
    default: 500,
  }),
  weight_device: optional(
    'The share for one device.',
    listOf(
      closedObject({
        path: optional('Device of the host.', string, { examples: ['/dev/sda'] }),
        weight: optional('Share of its time, 10 to 1000.', wholeNumber),
      }),
    ),
  ),
});

/** What deploy.resources says as well. */
const processors = {
  cpu_count: optional(
    'Processors a Windows container may use.',
    withShort(limited(integer, { minimum: 0 }), string),
  ),
  cpu_percent: optional(
    'Percentage of all processors a Windows container may use.',
    withShort(limited(number, { minimum: 0, maximum: 100 }), string),
  ),
  cpu_period: optional('Period of the scheduler’s quota in microseconds.', numeric, {
    default: 100_000,
  }),
  cpu_quota: optional('Processor time in one cpu_period, in microseconds.', numeric),
  cpu_rt_period: optional(
    'Period of real-time scheduling: microseconds, or a duration. cgroup v1 only.',
    numeric,
  ),
  cpu_rt_runtime: optional(
    'Real-time processor time in one period: microseconds, or a duration. cgroup v1 only.',
    numeric,
  ),
  cpu_shares: optional('Share of processor time when there is not enough.', numeric, {
    default: 1024,
  }),
  cpus: optional('Processors a container may use at most; parts count.', numeric, {
    examples: ['1.5'],
  }),
  cpuset: optional('Processors a container runs on, by number.', string, {
    examples: ['0-3', '0,2'],
  }),
};

const memory = {
  mem_limit: optional('Memory a container may use at most.', bytes, { examples: ['512m'] }),
  mem_reservation: optional(
    'Memory that is taken from a container last.',
    become<string>(either(string, integer)),
    {
      examples: ['256m'],
    },
  ),
  mem_swappiness: optional(
    'How readily memory is swapped out, 0 to 100. cgroup v1 only.',
    become<string>(wholeNumber),
  ),
  memswap_limit: optional('Memory and swap together; needs mem_limit, -1 is unlimited.', bytes),
  oom_kill_disable: optional('Do not kill the container when memory ends. cgroup v1 only.', flag, {
    default: false,
  }),
  oom_score_adj: optional(
    'How readily the kernel kills the container when the host’s memory ends, -1000 to 1000.',
    withShort(limited(integer, { minimum: -1000, maximum: 1000 }), string),
    { default: 0 },
  ),
  shm_size: optional('Size of /dev/shm.', bytes, { default: '64m' }),
};

/** Of a service: what it may do and use. */
export const isolation = {
  ...processors,
  ...memory,
  blkio_config: optional('Limits and shares of block devices.', blockConfig),
  cap_add: optional(
    'Capabilities beyond the usual ones, with or without CAP_; ALL is every one.',
    setOf(string),
    {
      examples: [['NET_ADMIN']],
    },
  ),
  cap_drop: optional(
    'Capabilities to take away, with or without CAP_; ALL is every one.',
    setOf(string),
    {
      examples: [['ALL']],
    },
  ),
  cgroup: optional(
    'Whether the container sees a cgroup tree of its own.',
    oneOf('host', 'private'),
    {
      default: 'private',
    },
  ),
  cgroup_parent: optional('Control group the container’s is made in.', string),
  credential_spec: optional(
    'Account of a Windows container.',
    object({
      config: optional('The config that holds it.', string),
      file: optional('The file that holds it.', string),
      registry: optional('The value of the Windows registry that holds it.', string),
    }),
  ),
  device_cgroup_rules: optional('Devices the container may use, by number.', strings, {
    examples: [['c 1:3 mr']],
  }),
  devices: optional('Devices of the host for the container: host[:container[:rwm]].', devices, {
    examples: [['/dev/ttyUSB0']],
  }),
  gpus: optional(
    'GPUs for the container: all of them, or which.',
    withShort(listOf(gpu), limited(string, { pattern: '^all$' })),
    { examples: ['all'] },
  ),
  ipc: optional(
    'Shared memory and semaphores: private, shareable, host, none, service:name or container:name.',
    string,
  ),
  isolation: optional('How a Windows engine separates the container.', string),
  pid: optional(
    'Process numbers: host, service:name or container:name to share theirs.',
    become<string>(either(string, nothing)),
  ),
  pids_limit: optional('Processes a container may have at most; -1 is unlimited.', numeric),
  privileged: optional('Every capability, every device, and no seccomp filter.', flag, {
    default: false,
  }),
  read_only: optional('Nothing can be written but what is mounted.', flag, { default: false }),
  runtime: optional('OCI runtime to use.', string),
  security_opt: optional(
    'no-new-privileges, seccomp=file, apparmor=profile, label=… and the like.',
    setOf(string),
    {
      examples: [['no-new-privileges:true']],
    },
  ),
  storage_opt: optional('Settings of the storage of the container’s own files.', anyObject, {
    examples: [{ size: '1G' }],
  }),
  sysctls: optional('Kernel settings within the container.', texts, {
    examples: [{ 'net.core.somaxconn': '1024' }],
  }),
  ulimits: optional('Limits of the process: one number, or soft and hard.', ulimits, {
    examples: [{ nofile: { soft: 1024, hard: 65_536 } }],
  }),
  userns_mode: optional('host: no mapping of users.', string),
  uts: optional('host: the host name is the one of the host.', string),
};
