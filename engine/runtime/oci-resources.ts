/**
 * `linux.resources` of a bundle → what is written to which control file. Unlike Docker's limits these are the kernel's:
 * nothing is too small, and 0 is a value (config-linux.md, "Control groups").
 */
import type { ControlWrite, LimitController } from './cgroup-writes.ts';
import { ioWeightOf, weightOf } from './cgroup-writes.ts';
import type {
  OciBlockIo,
  OciCpu,
  OciMemory,
  OciResources,
  OciThrottleDevice,
} from './oci-config.ts';
import { refuse } from './oci-fields.ts';

export interface OciWriteOptions {
  readonly version: 1 | 2;
  /** Of the limit in force; null for none. */
  readonly currentMemoryBytes?: number | null;
}

export function ociResourceWrites(
  resources: OciResources,
  options: OciWriteOptions,
): readonly ControlWrite[] {
  const { memory = {}, cpu = {}, pids, blockIO = {}, hugepageLimits = [] } = resources;
  const isV2 = options.version === 2;
  return [
    ...(isV2 ? memoryV2(memory) : memoryV1(memory, options)),
    ...(isV2 ? cpuV2(cpu) : cpuV1(cpu)),
    ...one('pids', 'pids.max', pids?.limit === undefined ? null : pidsOf(pids.limit)),
    ...(isV2 ? blockV2(blockIO) : blockV1(blockIO)),
    ...hugepageLimits.flatMap(({ pageSize, limit }, index) => {
      if (!/^[1-9]\d*[KMG]B$/.test(pageSize)) {
        refuse(`linux.resources.hugepageLimits[${index}].pageSize`, `"${pageSize}" is no size`);
      }
      const file = isV2 ? `hugetlb.${pageSize}.max` : `hugetlb.${pageSize}.limit_in_bytes`;
      return one('hugetlb', file, String(limit));
    }),
    ...networkWrites(resources, isV2),
    ...rdmaWrites(resources),
    ...unifiedWrites(resources, isV2),
  ];
}

/** 0 is no limit for runc and crun, as Docker's is. */
function pidsOf(limit: number): string {
  return limit <= 0 ? 'max' : String(limit);
}

function memoryV1(
  memory: OciMemory,
  { currentMemoryBytes = null }: OciWriteOptions,
): readonly ControlWrite[] {
  const limit = one('memory', 'memory.limit_in_bytes', print(memory.limit));
  const swap = one('memory', 'memory.memsw.limit_in_bytes', print(swapOf(memory)));
  const rises =
    memory.limit !== undefined &&
    currentMemoryBytes !== null &&
    (memory.limit < 0 || memory.limit > currentMemoryBytes);
  return [
    ...(rises ? [...swap, ...limit] : [...limit, ...swap]),
    ...one('memory', 'memory.soft_limit_in_bytes', print(memory.reservation)),
    ...one('memory', 'memory.kmem.tcp.limit_in_bytes', print(memory.kernelTCP)),
    ...one('memory', 'memory.swappiness', print(memory.swappiness)),
    ...one('memory', 'memory.oom_control', memory.disableOOMKiller === true ? '1' : null),
  ];
}

/** 0 is not said, as Go writes it. */
function swapOf({ swap }: OciMemory): number | undefined {
  return swap === 0 ? undefined : swap;
}

function memoryV2(memory: OciMemory): readonly ControlWrite[] {
  const swap = swapOf(memory);
  if (swap !== undefined && swap > 0 && (memory.limit ?? 0) > swap) {
    refuse('linux.resources.memory.swap', `is ${swap}, less than the limit of memory alone`);
  }
  const swapOnly = swap === undefined || swap < 0 ? swap : swap - Math.max(memory.limit ?? 0, 0);
  return [
    ...one('memory', 'memory.max', printOrMax(memory.limit)),
    ...one('memory', 'memory.swap.max', printOrMax(swapOnly)),
    ...one('memory', 'memory.low', printOrMax(memory.reservation)),
  ];
}

function cpuV1(cpu: OciCpu): readonly ControlWrite[] {
  return [
    ...one('cpu', 'cpu.shares', cpu.shares === 0 ? null : print(cpu.shares)),
    ...one('cpu', 'cpu.cfs_period_us', cpu.period === 0 ? null : print(cpu.period)),
    ...one('cpu', 'cpu.cfs_quota_us', cpu.quota === 0 ? null : print(cpu.quota)),
    ...one('cpu', 'cpu.cfs_burst_us', print(cpu.burst)),
    ...one('cpu', 'cpu.idle', print(cpu.idle)),
    ...one('cpu', 'cpu.rt_period_us', cpu.realtimePeriod === 0 ? null : print(cpu.realtimePeriod)),
    ...one(
      'cpu',
      'cpu.rt_runtime_us',
      cpu.realtimeRuntime === 0 ? null : print(cpu.realtimeRuntime),
    ),
    ...sets(cpu),
  ];
}

const defaultPeriodUs = 100_000;

function cpuV2(cpu: OciCpu): readonly ControlWrite[] {
  const hasQuota = (cpu.quota ?? 0) !== 0 || (cpu.period ?? 0) !== 0;
  const quota = (cpu.quota ?? 0) > 0 ? String(cpu.quota) : 'max';
  const period = (cpu.period ?? 0) === 0 ? defaultPeriodUs : cpu.period;
  const shares = cpu.shares ?? 0;
  return [
    ...one('cpu', 'cpu.weight', shares === 0 ? null : String(weightOf(shares))),
    ...one('cpu', 'cpu.max', hasQuota ? `${quota} ${period ?? defaultPeriodUs}` : null),
    ...one('cpu', 'cpu.max.burst', print(cpu.burst)),
    ...one('cpu', 'cpu.idle', print(cpu.idle)),
    ...sets(cpu),
  ];
}

function sets({ cpus = '', mems = '' }: OciCpu): readonly ControlWrite[] {
  for (const [field, value] of [
    ['cpus', cpus],
    ['mems', mems],
  ] as const) {
    // A control file takes one line, and this is what may be in it (cpuset(7), "List format").
    if (!/^[0-9,\s-]*$/.test(value) || value.includes('\n')) {
      refuse(`linux.resources.cpu.${field}`, `"${value}" is no list of numbers`);
    }
  }
  return [
    ...one('cpuset', 'cpuset.cpus', cpus === '' ? null : cpus),
    ...one('cpuset', 'cpuset.mems', mems === '' ? null : mems),
  ];
}

function blockV1(block: OciBlockIo): readonly ControlWrite[] {
  const throttle = (
    file: string,
    list: readonly OciThrottleDevice[] = [],
  ): readonly ControlWrite[] =>
    list.flatMap(({ major, minor, rate }) =>
      one('blkio', `blkio.throttle.${file}_device`, `${major}:${minor} ${rate}`),
    );
  return [
    ...weighted(
      'blkio.weight',
      'blkio.bfq.weight',
      block.weight === 0 ? null : print(block.weight),
    ),
    ...(block.weightDevice ?? []).flatMap(({ major, minor, weight }) =>
      weight === undefined
        ? []
        : weighted('blkio.weight_device', 'blkio.bfq.weight_device', `${major}:${minor} ${weight}`),
    ),
    ...throttle('read_bps', block.throttleReadBpsDevice),
    ...throttle('write_bps', block.throttleWriteBpsDevice),
    ...throttle('read_iops', block.throttleReadIOPSDevice),
    ...throttle('write_iops', block.throttleWriteIOPSDevice),
  ];
}

function blockV2(block: OciBlockIo): readonly ControlWrite[] {
  const throttle = (
    key: string,
    list: readonly OciThrottleDevice[] = [],
  ): readonly ControlWrite[] =>
    list.flatMap(({ major, minor, rate }) =>
      one('blkio', 'io.max', `${major}:${minor} ${key}=${rate}`),
    );
  const weight = block.weight ?? 0;
  return [
    ...weighted(
      'io.weight',
      'io.bfq.weight',
      weight === 0 ? null : `default ${ioWeightOf(weight)}`,
    ),
    ...(block.weightDevice ?? []).flatMap(({ major, minor, weight: own }) =>
      own === undefined
        ? []
        : weighted('io.weight', 'io.bfq.weight', `${major}:${minor} ${ioWeightOf(own)}`),
    ),
    ...throttle('rbps', block.throttleReadBpsDevice),
    ...throttle('wbps', block.throttleWriteBpsDevice),
    ...throttle('riops', block.throttleReadIOPSDevice),
    ...throttle('wiops', block.throttleWriteIOPSDevice),
  ];
}

function weighted(file: string, otherFile: string, value: string | null): readonly ControlWrite[] {
  return one('blkio', file, value).map((write) => ({ ...write, otherFile }));
}

function networkWrites({ network = {} }: OciResources, isV2: boolean): readonly ControlWrite[] {
  const priorities = network.priorities ?? [];
  // v2 has no such controllers, and Go writes an empty object for none.
  if (isV2 && ((network.classID ?? 0) !== 0 || priorities.length > 0)) {
    refuse('linux.resources.network', 'needs cgroup v1');
  }
  return [
    ...one(
      'net_cls',
      'net_cls.classid',
      (network.classID ?? 0) === 0 ? null : print(network.classID),
    ),
    ...priorities.flatMap(({ name, priority }) =>
      one('net_prio', 'net_prio.ifpriomap', `${name} ${priority}`),
    ),
  ];
}

function rdmaWrites({ rdma = {} }: OciResources): readonly ControlWrite[] {
  return Object.entries(rdma).flatMap(([device, { hcaHandles, hcaObjects }]) => {
    const parts = [
      ...(hcaHandles === undefined ? [] : [`hca_handle=${hcaHandles}`]),
      ...(hcaObjects === undefined ? [] : [`hca_object=${hcaObjects}`]),
    ];
    return one('rdma', 'rdma.max', parts.length === 0 ? null : `${device} ${parts.join(' ')}`);
  });
}

/** By their names on cgroup v2, which the specification leaves to the kernel; never out of the directory. */
function unifiedWrites({ unified = {} }: OciResources, isV2: boolean): readonly ControlWrite[] {
  return Object.entries(unified).map(([file, value]) => {
    const field = `linux.resources.unified.${file}`;
    if (!isV2) return refuse(field, 'needs cgroup v2');
    if (!/^[a-z_]+(\.[A-Za-z0-9_]+)+$/.test(file)) return refuse(field, 'is no control file');
    const controller = file.split('.')[0] === 'io' ? 'blkio' : (file.split('.')[0] ?? '');
    return { controller: controller as LimitController, file, value };
  });
}

function one(
  controller: LimitController,
  file: string,
  value: string | null,
): readonly ControlWrite[] {
  return value === null ? [] : [{ controller, file, value }];
}

function print(value: number | undefined): string | null {
  return value === undefined ? null : String(value);
}

function printOrMax(value: number | undefined): string | null {
  return value !== undefined && value < 0 ? 'max' : print(value);
}
