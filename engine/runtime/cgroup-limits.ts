/** Limits of one container → what is written to which control file, for both cgroup versions. Pure. */
import { EngineError } from '../api/index.ts';

/** Left out or 0 (Docker's "not set") is no limit; -1 takes a limit away where that is said. */
export interface CgroupLimits {
  readonly memoryBytes?: number;
  /** Memory and swap together; -1 is unlimited, 0 twice the memory (Docker). */
  readonly memorySwapBytes?: number;
  readonly memoryReservationBytes?: number;
  /** -1 is unlimited. */
  readonly pids?: number;
  /** Billionths of a CPU; not together with quota and period. */
  readonly nanoCpus?: number;
  readonly cpuQuotaUs?: number;
  readonly cpuPeriodUs?: number;
  /** v1 scale: 2 to 262144, 1024 is one share. */
  readonly cpuShares?: number;
}

export interface ControlWrite {
  readonly controller: 'memory' | 'pids' | 'cpu';
  readonly file: string;
  readonly value: string;
}

/** Docker's smallest: a process needs that much to be born. */
const leastMemoryBytes = 6 << 20;
const defaultPeriodUs = 100_000;

/** In the order in which the kernel accepts them. */
export function limitWrites(limits: CgroupLimits, version: 1 | 2): readonly ControlWrite[] {
  checkLimits(limits);
  const write = version === 1 ? writesV1 : writesV2;
  return write(normalise(limits));
}

interface Normalised {
  readonly memoryBytes: number | null;
  /** Memory and swap; -1 unlimited. */
  readonly memorySwapBytes: number | null;
  readonly memoryReservationBytes: number | null;
  readonly pids: number | null;
  readonly quotaUs: number | null;
  readonly periodUs: number;
  readonly shares: number | null;
}

function normalise(limits: CgroupLimits): Normalised {
  const memoryBytes = given(limits.memoryBytes);
  const nanoCpus = given(limits.nanoCpus);
  const periodUs = given(limits.cpuPeriodUs) ?? defaultPeriodUs;
  return {
    memoryBytes,
    memorySwapBytes:
      given(limits.memorySwapBytes) ?? (memoryBytes === null ? null : 2 * memoryBytes),
    memoryReservationBytes: given(limits.memoryReservationBytes),
    pids: given(limits.pids),
    quotaUs:
      nanoCpus === null ? given(limits.cpuQuotaUs) : Math.round((nanoCpus * defaultPeriodUs) / 1e9),
    periodUs,
    shares: given(limits.cpuShares),
  };
}

function given(value: number | undefined): number | null {
  return value === undefined || value === 0 ? null : value;
}

function writesV1(limits: Normalised): readonly ControlWrite[] {
  const { memoryBytes, memorySwapBytes, memoryReservationBytes, pids, quotaUs, shares } = limits;
  return [
    // memsw may not be below the limit: from unlimited downwards the limit comes first.
    ...one('memory', 'memory.limit_in_bytes', print(memoryBytes)),
    ...one('memory', 'memory.memsw.limit_in_bytes', print(memorySwapBytes)),
    ...one('memory', 'memory.soft_limit_in_bytes', print(memoryReservationBytes)),
    ...one('pids', 'pids.max', printOrMax(pids)),
    ...one('cpu', 'cpu.cfs_period_us', quotaUs === null ? null : print(limits.periodUs)),
    ...one('cpu', 'cpu.cfs_quota_us', print(quotaUs)),
    ...one('cpu', 'cpu.shares', print(shares)),
  ];
}

function writesV2(limits: Normalised): readonly ControlWrite[] {
  const { memoryBytes, memorySwapBytes, memoryReservationBytes, pids, quotaUs, shares } = limits;
  const quota = printOrMax(quotaUs);
  return [
    ...one('memory', 'memory.max', printOrMax(memoryBytes)),
    ...one('memory', 'memory.swap.max', printOrMax(swapOnly(memoryBytes, memorySwapBytes))),
    ...one('memory', 'memory.low', print(memoryReservationBytes)),
    ...one('pids', 'pids.max', printOrMax(pids)),
    ...one('cpu', 'cpu.max', quota === null ? null : `${quota} ${limits.periodUs}`),
    ...one('cpu', 'cpu.weight', shares === null ? null : String(weightOf(shares))),
  ];
}

function one(
  controller: ControlWrite['controller'],
  file: string,
  value: string | null,
): readonly ControlWrite[] {
  return value === null ? [] : [{ controller, file, value }];
}

function print(value: number | null): string | null {
  return value === null ? null : String(value);
}

function printOrMax(value: number | null): string | null {
  return value === -1 ? 'max' : print(value);
}

/** v2 limits swap apart from memory. */
function swapOnly(memoryBytes: number | null, memorySwapBytes: number | null): number | null {
  if (memorySwapBytes === null || memorySwapBytes === -1) return memorySwapBytes;
  return memorySwapBytes - (memoryBytes ?? 0);
}

/** Shares [2, 262144] → weight [1, 10000], the line that runtimes agree on (crun `convert_shares_to_weight`). */
export function weightOf(shares: number): number {
  return 1 + Math.trunc(((shares - 2) * 9999) / 262_142);
}

function checkLimits(limits: CgroupLimits): void {
  const memory = limits.memoryBytes ?? 0;
  const swap = limits.memorySwapBytes ?? 0;
  if (memory > 0 && memory < leastMemoryBytes) refuse('minimum memory limit allowed is 6MB');
  if (swap > 0 && memory === 0) refuse('a limit of memory and swap needs a memory limit');
  if (swap > 0 && swap < memory)
    refuse('minimum memoryswap limit should be larger than memory limit, see usage');
  if ((limits.memoryReservationBytes ?? 0) > memory && memory > 0)
    refuse('minimum memory limit can not be less than memory reservation limit, see usage');
  checkCpu(limits);
  for (const [name, value] of Object.entries(limits) as [string, number][])
    if (!Number.isSafeInteger(value) || value < -1) refuse(`${name} cannot be ${value}`);
}

function checkCpu({
  nanoCpus = 0,
  cpuQuotaUs = 0,
  cpuPeriodUs = 0,
  cpuShares = 0,
}: CgroupLimits): void {
  if (nanoCpus > 0 && (cpuQuotaUs > 0 || cpuPeriodUs > 0))
    refuse('a number of CPUs and a CPU quota or period cannot both be set');
  if (cpuPeriodUs !== 0 && (cpuPeriodUs < 1000 || cpuPeriodUs > 1_000_000))
    refuse('CPU cfs period must be between 1ms and 1s');
  if (cpuQuotaUs > 0 && cpuQuotaUs < 1000) refuse('CPU cfs quota cannot be less than 1ms');
  if (nanoCpus > 0 && nanoCpus < 10_000_000) refuse('range of CPUs starts at 0.01');
  if (cpuShares !== 0 && (cpuShares < 2 || cpuShares > 262_144))
    refuse('cpu shares must be between 2 and 262144');
}

function refuse(message: string): never {
  throw new EngineError('invalid-argument', message);
}
