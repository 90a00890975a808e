/** What the control files of one machine can express, and Docker's sentence for what they cannot. Pure. */
import { EngineError } from '../api/index.ts';
import { checkLimits } from './cgroup-limits.ts';
import type { CgroupLimits } from './cgroup-limits.ts';

/** What a machine offers to a container. */
export interface CgroupSupport {
  /** Names of the control files, those of every hierarchy together. */
  readonly files: ReadonlySet<string>;
  readonly cpuCount: number;
  /** As the kernel prints sets, `0-3,5`; empty where it does not say. */
  readonly cpus: string;
  readonly memoryNodes: string;
}

interface Control {
  readonly isAsked: (limits: CgroupLimits) => boolean;
  /** One of them is enough. */
  readonly files: readonly string[];
  readonly warning: string;
}

const isPositive = (value: number | undefined): boolean => (value ?? 0) > 0;
const isSome = (list: readonly unknown[] | undefined): boolean => (list ?? []).length > 0;
const lacking = (what: string, consequence: string): string =>
  `Your kernel does not support ${what} or the cgroup is not mounted. ${consequence}`;

/** In Docker's order. */
const controls: readonly Control[] = [
  {
    isAsked: ({ memoryBytes }) => isPositive(memoryBytes),
    files: ['memory.limit_in_bytes', 'memory.max'],
    warning: lacking('memory limit capabilities', 'Limitation discarded.'),
  },
  {
    isAsked: ({ memoryBytes, memorySwapBytes }) =>
      isPositive(memoryBytes) && memorySwapBytes !== -1,
    files: ['memory.memsw.limit_in_bytes', 'memory.swap.max'],
    warning: lacking('swap limit capabilities', 'Memory limited without swap.'),
  },
  {
    isAsked: ({ memorySwappiness }) => (memorySwappiness ?? -1) >= 0,
    files: ['memory.swappiness'],
    warning: lacking('memory swappiness capabilities', 'Memory swappiness discarded.'),
  },
  {
    isAsked: ({ memoryReservationBytes }) => isPositive(memoryReservationBytes),
    files: ['memory.soft_limit_in_bytes', 'memory.low'],
    warning: lacking('memory soft limit capabilities', 'Limitation discarded.'),
  },
  {
    isAsked: ({ isOomKillDisabled }) => isOomKillDisabled === true,
    files: ['memory.oom_control'],
    warning: 'Your kernel does not support OomKillDisable. OomKillDisable discarded.',
  },
  {
    isAsked: ({ pids }) => isPositive(pids),
    files: ['pids.max'],
    warning: lacking('PIDs limit capabilities', 'PIDs limit discarded.'),
  },
  {
    isAsked: ({ cpuShares }) => isPositive(cpuShares),
    files: ['cpu.shares', 'cpu.weight'],
    warning: lacking('CPU shares', 'Shares discarded.'),
  },
  {
    isAsked: ({ cpuPeriodUs = 0, cpuQuotaUs = 0 }) => cpuPeriodUs !== 0 || cpuQuotaUs !== 0,
    files: ['cpu.cfs_quota_us', 'cpu.max'],
    warning: 'Your kernel does not support CPU CFS scheduler. CPU period/quota discarded.',
  },
  {
    isAsked: ({ cpusetCpus = '', cpusetMems = '' }) => cpusetCpus !== '' || cpusetMems !== '',
    files: ['cpuset.cpus'],
    warning: lacking('cpuset', 'Cpuset discarded.'),
  },
  {
    isAsked: ({ blkioWeight }) => isPositive(blkioWeight),
    files: ['blkio.weight', 'blkio.bfq.weight', 'io.weight', 'io.bfq.weight'],
    warning: lacking('Block I/O weight', 'Weight discarded.'),
  },
  {
    isAsked: ({ blkioWeightDevices }) => isSome(blkioWeightDevices),
    files: ['blkio.weight_device', 'blkio.bfq.weight_device', 'io.bfq.weight'],
    warning: lacking('Block I/O weight_device', 'Weight-device discarded.'),
  },
  {
    isAsked: ({ blkioReadBps }) => isSome(blkioReadBps),
    files: ['blkio.throttle.read_bps_device', 'io.max'],
    warning: lacking('BPS Block I/O read limit', 'Block I/O BPS read limit discarded.'),
  },
  {
    isAsked: ({ blkioWriteBps }) => isSome(blkioWriteBps),
    files: ['blkio.throttle.write_bps_device', 'io.max'],
    warning: lacking('BPS Block I/O write limit', 'Block I/O BPS write limit discarded.'),
  },
  {
    isAsked: ({ blkioReadIops }) => isSome(blkioReadIops),
    files: ['blkio.throttle.read_iops_device', 'io.max'],
    warning: lacking('IOPS Block read limit', 'Block I/O IOPS read limit discarded.'),
  },
  {
    isAsked: ({ blkioWriteIops }) => isSome(blkioWriteIops),
    files: ['blkio.throttle.write_iops_device', 'io.max'],
    warning: lacking('IOPS Block write limit', 'Block I/O IOPS write limit discarded.'),
  },
];

/**
 * Throws EngineError `invalid-argument` for limits that cannot be, here or anywhere. Returns a sentence for each that is
 * left out because the machine has no control for it, and for one that may starve the machine.
 */
export function limitWarnings(limits: CgroupLimits, support: CgroupSupport): readonly string[] {
  checkLimits(limits);
  checkCpus(limits, support);
  checkRealtime(limits, support);
  const discarded = controls.filter(
    ({ isAsked, files }) => isAsked(limits) && !files.some((file) => support.files.has(file)),
  );
  const mayStarve =
    limits.isOomKillDisabled === true &&
    !isPositive(limits.memoryBytes) &&
    support.files.has('memory.oom_control');
  return [
    ...discarded.map(({ warning }) => warning),
    ...(mayStarve
      ? [
          'OOM killer is disabled for the container, but no memory limit is set, this can result in the system running out of resources.',
        ]
      : []),
  ];
}

function checkCpus(limits: CgroupLimits, support: CgroupSupport): void {
  const { nanoCpus = 0, cpusetCpus = '', cpusetMems = '' } = limits;
  const hasQuota = support.files.has('cpu.cfs_quota_us') || support.files.has('cpu.max');
  if (nanoCpus > 0 && !hasQuota)
    refuse(
      'NanoCPUs can not be set, as your kernel does not support CPU CFS scheduler or the cgroup is not mounted',
    );
  if (nanoCpus > support.cpuCount * 1e9) {
    const count = support.cpuCount;
    refuse(`range of CPUs is from 0.01 to ${count}.00, as there are only ${count} CPUs available`);
  }
  if (!isWithin(cpusetCpus, support.cpus))
    refuse(
      `Requested CPUs are not available - requested ${cpusetCpus}, available: ${support.cpus}`,
    );
  if (!isWithin(cpusetMems, support.memoryNodes))
    refuse(
      `Requested memory nodes are not available - requested ${cpusetMems}, available: ${support.memoryNodes}`,
    );
}

function checkRealtime(
  { cpuRealtimePeriodUs = 0, cpuRealtimeRuntimeUs = 0 }: CgroupLimits,
  { files }: CgroupSupport,
): void {
  const isAsked = cpuRealtimePeriodUs !== 0 || cpuRealtimeRuntimeUs !== 0;
  if (isAsked && !files.has('cpu.rt_runtime_us'))
    refuse('kernel does not support CPU real-time scheduler');
}

/** Compares ranges, so that a wide one costs no more than a narrow one. Both are well formed. */
function isWithin(requested: string, available: string): boolean {
  if (requested === '' || available === '') return true;
  const offered = rangesOf(available);
  return rangesOf(requested).every(([first, last]) =>
    offered.some(([from, to]) => from <= first && last <= to),
  );
}

/** Neighbours are joined: `0,1` offers `0-1`. */
function rangesOf(text: string): readonly (readonly [first: number, last: number])[] {
  const ranges = text.split(',').map((part): readonly [number, number] => {
    const [first = '', last = first] = part.split('-');
    return [Number(first), Number(last)];
  });
  const joined: [number, number][] = [];
  for (const [first, last] of ranges.sort(([left], [right]) => left - right)) {
    const before = joined.at(-1);
    if (before !== undefined && first <= before[1] + 1) before[1] = Math.max(before[1], last);
    else joined.push([first, last]);
  }
  return joined;
}

/** As `GET /info` names them. */
export function supportFacts({ files }: CgroupSupport): Readonly<Record<string, boolean>> {
  const has = (...names: readonly string[]): boolean => names.some((name) => files.has(name));
  return {
    MemoryLimit: has('memory.limit_in_bytes', 'memory.max'),
    SwapLimit: has('memory.memsw.limit_in_bytes', 'memory.swap.max'),
    CpuCfsPeriod: has('cpu.cfs_period_us', 'cpu.max'),
    CpuCfsQuota: has('cpu.cfs_quota_us', 'cpu.max'),
    CPUShares: has('cpu.shares', 'cpu.weight'),
    CPUSet: has('cpuset.cpus'),
    PidsLimit: has('pids.max'),
    OomKillDisable: has('memory.oom_control'),
  };
}

function refuse(message: string): never {
  throw new EngineError('invalid-argument', message);
}
