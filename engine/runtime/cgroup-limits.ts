/** What may be asked of a container's cgroups, and what of it cannot be. Pure. */
import { EngineError } from '../api/index.ts';

/** Bytes or operations a second that a container may move to or from one block device. */
export interface BlockLimit {
  readonly major: number;
  readonly minor: number;
  readonly value: number;
}

/** Left out or 0 (Docker's "not set") is no limit; -1 takes a limit away where that is said. */
export interface CgroupLimits {
  readonly memoryBytes?: number;
  /** Memory and swap together; -1 is unlimited, 0 twice the memory (Docker). */
  readonly memorySwapBytes?: number;
  readonly memoryReservationBytes?: number;
  /** 0 to 100, v1 only; -1 is the host's. */
  readonly memorySwappiness?: number;
  /** v1 only: out of memory, processes wait instead of being killed. */
  readonly isOomKillDisabled?: boolean;
  /** -1 is unlimited. */
  readonly pids?: number;
  /** Billionths of a CPU; not together with quota and period. */
  readonly nanoCpus?: number;
  readonly cpuQuotaUs?: number;
  readonly cpuPeriodUs?: number;
  /** v1 scale: 2 to 262144, 1024 is one share. */
  readonly cpuShares?: number;
  /** v1 with CONFIG_RT_GROUP_SCHED only. */
  readonly cpuRealtimePeriodUs?: number;
  readonly cpuRealtimeRuntimeUs?: number;
  /** `0-3,5`; empty is all. */
  readonly cpusetCpus?: string;
  readonly cpusetMems?: string;
  /** 10 to 1000. */
  readonly blkioWeight?: number;
  readonly blkioWeightDevices?: readonly BlockLimit[];
  readonly blkioReadBps?: readonly BlockLimit[];
  readonly blkioWriteBps?: readonly BlockLimit[];
  readonly blkioReadIops?: readonly BlockLimit[];
  readonly blkioWriteIops?: readonly BlockLimit[];
}

/** Docker's smallest: a process needs that much to be born. */
const leastMemoryBytes = 6 << 20;

/** Throws EngineError `invalid-argument` for a combination that no kernel could carry out. */
export function checkLimits(limits: CgroupLimits): void {
  for (const [name, value] of Object.entries(limits) as [string, unknown][])
    if (typeof value === 'number' && (!Number.isSafeInteger(value) || value < -1))
      refuse(`${name} cannot be ${value}`);
  checkMemory(limits);
  checkCpu(limits);
  checkSet('cpus', limits.cpusetCpus);
  checkSet('mems', limits.cpusetMems);
  checkBlockDevices(limits);
}

function checkMemory(limits: CgroupLimits): void {
  const memory = limits.memoryBytes ?? 0;
  const swap = limits.memorySwapBytes ?? 0;
  const swappiness = limits.memorySwappiness ?? -1;
  if (memory > 0 && memory < leastMemoryBytes) refuse('Minimum memory limit allowed is 6MB');
  if (swap > 0 && memory === 0)
    refuse('You should always set the Memory limit when using Memoryswap limit, see usage');
  if (swap > 0 && swap < memory)
    refuse('Minimum memoryswap limit should be larger than memory limit, see usage');
  const reservation = limits.memoryReservationBytes ?? 0;
  if (reservation > 0 && reservation < leastMemoryBytes)
    refuse('Minimum memory reservation allowed is 6MB');
  if (reservation > memory && memory > 0)
    refuse('Minimum memory limit can not be less than memory reservation limit, see usage');
  if (swappiness > 100)
    refuse(`Invalid value: ${swappiness}, valid memory swappiness range is 0-100`);
}

function checkCpu({
  nanoCpus = 0,
  cpuQuotaUs = 0,
  cpuPeriodUs = 0,
  cpuShares = 0,
  cpuRealtimePeriodUs = 0,
  cpuRealtimeRuntimeUs = 0,
}: CgroupLimits): void {
  if (nanoCpus > 0 && cpuPeriodUs > 0)
    refuse('Conflicting options: Nano CPUs and CPU Period cannot both be set');
  if (nanoCpus > 0 && cpuQuotaUs > 0)
    refuse('Conflicting options: Nano CPUs and CPU Quota cannot both be set');
  if (cpuPeriodUs !== 0 && (cpuPeriodUs < 1000 || cpuPeriodUs > 1_000_000))
    refuse('CPU cfs period can not be less than 1ms (i.e. 1000) or larger than 1s (i.e. 1000000)');
  if (cpuQuotaUs > 0 && cpuQuotaUs < 1000)
    refuse('CPU cfs quota can not be less than 1ms (i.e. 1000)');
  if (nanoCpus > 0 && nanoCpus < 10_000_000) refuse('range of CPUs starts at 0.01');
  if (cpuShares !== 0 && (cpuShares < 2 || cpuShares > 262_144))
    refuse('cpu shares must be between 2 and 262144');
  if (cpuRealtimePeriodUs !== 0 && cpuRealtimeRuntimeUs > cpuRealtimePeriodUs)
    refuse('cpu real-time runtime cannot be higher than cpu real-time period');
}

/** A control file takes one page at a time. */
const longestSet = 4095;

/** The list format of cpuset(7): numbers and ranges, nothing that could be a second line of a control file. */
function checkSet(name: string, text: string | undefined): void {
  if (text === undefined || text === '') return;
  if (text.length > longestSet) refuse(`Invalid value ${text.slice(0, 40)}… for cpuset ${name}`);
  const ranges = text.split(',').map((part) => /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(part));
  const isGood = ranges.every(
    (range) => range !== null && Number(range[1]) <= Number(range[2] ?? range[1]),
  );
  if (!isGood) refuse(`Invalid value ${text} for cpuset ${name}: invalid format: ${text}`);
}

function checkBlockDevices(limits: CgroupLimits): void {
  const weights = [
    limits.blkioWeight ?? 0,
    ...(limits.blkioWeightDevices ?? []).map(({ value }) => value),
  ];
  for (const weight of weights)
    if (weight !== 0 && (weight < 10 || weight > 1000))
      refuse('Range of blkio weight is from 10 to 1000');
}

function refuse(message: string): never {
  throw new EngineError('invalid-argument', message);
}
