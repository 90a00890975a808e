/** Resource options of a container, as the Engine API spells them → limits of its cgroups. */
import type {
  ContainerUpdateRequest,
  HostConfig,
  ThrottleDevice,
  WeightDevice,
} from '../api/index.ts';
import { blockDeviceNumber } from '../runtime/index.ts';
import type { BlockLimit, CgroupLimits } from '../runtime/index.ts';

/** What creation and updates take the limits from. */
type ResourceOptions = Omit<ContainerUpdateRequest, 'RestartPolicy'> &
  Pick<HostConfig, 'MemorySwappiness' | 'OomKillDisable'>;

const numberKeys = {
  memoryBytes: 'Memory',
  memorySwapBytes: 'MemorySwap',
  memoryReservationBytes: 'MemoryReservation',
  pids: 'PidsLimit',
  nanoCpus: 'NanoCpus',
  cpuQuotaUs: 'CpuQuota',
  cpuPeriodUs: 'CpuPeriod',
  cpuShares: 'CpuShares',
  cpuRealtimePeriodUs: 'CpuRealtimePeriod',
  cpuRealtimeRuntimeUs: 'CpuRealtimeRuntime',
  blkioWeight: 'BlkioWeight',
} as const satisfies Partial<Record<keyof CgroupLimits, keyof ResourceOptions>>;

/** 0 and empty are unset in all of them. Throws EngineError for a path that is no block device. */
export function limitsOf(options: ResourceOptions): CgroupLimits {
  const numbers = Object.entries(numberKeys).filter(([, key]) => (options[key] ?? 0) !== 0);
  return {
    ...Object.fromEntries(numbers.map(([limit, key]) => [limit, options[key]])),
    ...memoryOptions(options),
    ...cpusets(options),
    ...blockLimits(options),
  };
}

function memoryOptions(options: ResourceOptions): CgroupLimits {
  const { MemorySwappiness: swappiness = -1, OomKillDisable: isOomKillDisabled } = options;
  return {
    ...(swappiness >= 0 && { memorySwappiness: swappiness }),
    ...(isOomKillDisabled === true && { isOomKillDisabled }),
  };
}

function cpusets({ CpusetCpus: cpus = '', CpusetMems: mems = '' }: ResourceOptions): CgroupLimits {
  return { ...(cpus !== '' && { cpusetCpus: cpus }), ...(mems !== '' && { cpusetMems: mems }) };
}

function blockLimits(options: ResourceOptions): CgroupLimits {
  const lists = {
    blkioWeightDevices: (options.BlkioWeightDevice ?? []).map(weightOf),
    blkioReadBps: (options.BlkioDeviceReadBps ?? []).map(rateOf),
    blkioWriteBps: (options.BlkioDeviceWriteBps ?? []).map(rateOf),
    blkioReadIops: (options.BlkioDeviceReadIOps ?? []).map(rateOf),
    blkioWriteIops: (options.BlkioDeviceWriteIOps ?? []).map(rateOf),
  };
  return Object.fromEntries(Object.entries(lists).filter(([, list]) => list.length > 0));
}

function rateOf({ Path = '', Rate = 0 }: ThrottleDevice): BlockLimit {
  return { ...blockDeviceNumber(Path), value: Rate };
}

function weightOf({ Path = '', Weight = 0 }: WeightDevice): BlockLimit {
  return { ...blockDeviceNumber(Path), value: Weight };
}
