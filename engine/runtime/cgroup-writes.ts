/** Limits of one container → what is written to which control file, for both cgroup versions. Pure. */
import { checkLimits } from './cgroup-limits.ts';
import type { BlockLimit, CgroupLimits } from './cgroup-limits.ts';

export type LimitController =
  'memory' | 'pids' | 'cpu' | 'cpuset' | 'blkio' | 'hugetlb' | 'net_cls' | 'net_prio' | 'rdma';

export interface ControlWrite {
  readonly controller: LimitController;
  readonly file: string;
  readonly value: string;
  /** The same control as another scheduler of the kernel has it, for where `file` does not exist. */
  readonly instead?: { readonly file: string; readonly value: string };
}

export interface WriteOptions {
  readonly version: 1 | 2;
  /** Bytes of the memory limit in force, null for none: a limit that rises needs another order than one that falls. */
  readonly currentMemoryBytes?: number | null;
}

const defaultPeriodUs = 100_000;

/** In the order in which the kernel accepts them. Throws EngineError for limits that cannot be. */
export function limitWrites(limits: CgroupLimits, options: WriteOptions): readonly ControlWrite[] {
  checkLimits(limits);
  return options.version === 1
    ? [...memoryV1(limits, options), ...cpuV1(limits), ...blockV1(limits)]
    : [...memoryV2(limits), ...cpuV2(limits), ...blockV2(limits)];
}

function memoryV1(
  limits: CgroupLimits,
  { currentMemoryBytes = null }: WriteOptions,
): readonly ControlWrite[] {
  const memory = given(limits.memoryBytes);
  const limit = one('memory', 'memory.limit_in_bytes', print(memory));
  const swap = one('memory', 'memory.memsw.limit_in_bytes', print(memorySwap(limits)));
  // memsw may never be below the limit: on the way up it goes first, from unlimited downwards it follows.
  const rises = memory !== null && currentMemoryBytes !== null && memory > currentMemoryBytes;
  const swappiness = limits.memorySwappiness ?? -1;
  return [
    ...(rises ? [...swap, ...limit] : [...limit, ...swap]),
    ...one('memory', 'memory.soft_limit_in_bytes', print(given(limits.memoryReservationBytes))),
    ...one('memory', 'memory.swappiness', swappiness < 0 ? null : String(swappiness)),
    ...one('memory', 'memory.oom_control', limits.isOomKillDisabled === true ? '1' : null),
    ...one('pids', 'pids.max', printOrMax(given(limits.pids))),
  ];
}

function memoryV2(limits: CgroupLimits): readonly ControlWrite[] {
  const memory = given(limits.memoryBytes);
  return [
    ...one('memory', 'memory.max', printOrMax(memory)),
    ...one('memory', 'memory.swap.max', printOrMax(swapOnly(memory, memorySwap(limits)))),
    ...one('memory', 'memory.low', print(given(limits.memoryReservationBytes))),
    ...one('pids', 'pids.max', printOrMax(given(limits.pids))),
  ];
}

function cpuV1(limits: CgroupLimits): readonly ControlWrite[] {
  const quotaUs = quotaOf(limits);
  return [
    ...one('cpu', 'cpu.cfs_period_us', isQuotaSet(limits) ? String(periodOf(limits)) : null),
    ...one('cpu', 'cpu.cfs_quota_us', print(quotaUs)),
    ...one('cpu', 'cpu.shares', print(given(limits.cpuShares))),
    ...one('cpu', 'cpu.rt_period_us', print(given(limits.cpuRealtimePeriodUs))),
    ...one('cpu', 'cpu.rt_runtime_us', print(given(limits.cpuRealtimeRuntimeUs))),
    ...sets(limits),
  ];
}

function cpuV2(limits: CgroupLimits): readonly ControlWrite[] {
  const quota = printOrMax(quotaOf(limits)) ?? 'max';
  const shares = given(limits.cpuShares);
  return [
    ...one('cpu', 'cpu.max', isQuotaSet(limits) ? `${quota} ${periodOf(limits)}` : null),
    ...one('cpu', 'cpu.weight', shares === null ? null : String(weightOf(shares))),
    ...sets(limits),
  ];
}

function sets({ cpusetCpus = '', cpusetMems = '' }: CgroupLimits): readonly ControlWrite[] {
  return [
    ...one('cpuset', 'cpuset.cpus', cpusetCpus === '' ? null : cpusetCpus),
    ...one('cpuset', 'cpuset.mems', cpusetMems === '' ? null : cpusetMems),
  ];
}

function blockV1(limits: CgroupLimits): readonly ControlWrite[] {
  const weight = given(limits.blkioWeight);
  const throttle = (file: string, list: readonly BlockLimit[] = []): readonly ControlWrite[] =>
    list.flatMap((limit) => one('blkio', `blkio.throttle.${file}_device`, printDevice(limit)));
  return [
    ...one('blkio', 'blkio.weight', print(weight)).map((write) => ({
      ...write,
      instead: { file: 'blkio.bfq.weight', value: write.value },
    })),
    ...(limits.blkioWeightDevices ?? []).flatMap((limit) =>
      one('blkio', 'blkio.weight_device', printDevice(limit)).map((write) => ({
        ...write,
        instead: { file: 'blkio.bfq.weight_device', value: write.value },
      })),
    ),
    ...throttle('read_bps', limits.blkioReadBps),
    ...throttle('write_bps', limits.blkioWriteBps),
    ...throttle('read_iops', limits.blkioReadIops),
    ...throttle('write_iops', limits.blkioWriteIops),
  ];
}

/**
 * BFQ, where it is loaded, weighs from 1 to 1000 and needs no conversion; else it is the cost model, which does, and has
 * no weights of single devices unless somebody has given it their costs: as with runc, those are BFQ's alone.
 */
function blockV2(limits: CgroupLimits): readonly ControlWrite[] {
  const weight = given(limits.blkioWeight);
  const throttle = (key: string, list: readonly BlockLimit[] = []): readonly ControlWrite[] =>
    list.flatMap(({ major, minor, value }) =>
      one('blkio', 'io.max', `${major}:${minor} ${key}=${value}`),
    );
  return [
    ...one('blkio', 'io.bfq.weight', print(weight)).map((write) => ({
      ...write,
      instead: { file: 'io.weight', value: `default ${ioWeightOf(Number(write.value))}` },
    })),
    ...(limits.blkioWeightDevices ?? []).flatMap((limit) =>
      one('blkio', 'io.bfq.weight', printDevice(limit)),
    ),
    ...throttle('rbps', limits.blkioReadBps),
    ...throttle('wbps', limits.blkioWriteBps),
    ...throttle('riops', limits.blkioReadIops),
    ...throttle('wiops', limits.blkioWriteIops),
  ];
}

function printDevice({ major, minor, value }: BlockLimit): string {
  return `${major}:${minor} ${value}`;
}

function given(value: number | undefined): number | null {
  return value === undefined || value === 0 ? null : value;
}

/** Docker's default is as much swap as memory. */
function memorySwap({ memoryBytes, memorySwapBytes }: CgroupLimits): number | null {
  const memory = given(memoryBytes);
  if (given(memorySwapBytes) !== null) return given(memorySwapBytes);
  if (memory === null) return null;
  return memory === -1 ? -1 : 2 * memory;
}

/** v2 limits swap apart from memory. */
function swapOnly(memoryBytes: number | null, memorySwapBytes: number | null): number | null {
  if (memorySwapBytes === null || memorySwapBytes === -1) return memorySwapBytes;
  return memorySwapBytes - (memoryBytes ?? 0);
}

function quotaOf({ nanoCpus, cpuQuotaUs }: CgroupLimits): number | null {
  const nano = given(nanoCpus);
  return nano === null ? given(cpuQuotaUs) : Math.round((nano * defaultPeriodUs) / 1e9);
}

/** A period alone is a setting as well: the quota may follow. */
function isQuotaSet(limits: CgroupLimits): boolean {
  return quotaOf(limits) !== null || given(limits.cpuPeriodUs) !== null;
}

function periodOf({ cpuPeriodUs }: CgroupLimits): number {
  return given(cpuPeriodUs) ?? defaultPeriodUs;
}

function one(
  controller: LimitController,
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

/** Shares [2, 262144] → weight [1, 10000], the line that runtimes agree on (crun `convert_shares_to_weight`). */
export function weightOf(shares: number): number {
  return 1 + Math.trunc(((shares - 2) * 9999) / 262_142);
}

/** Block weight [10, 1000] → [1, 10000] (runtime-spec config-linux.md, as runc and crun convert it). */
export function ioWeightOf(weight: number): number {
  return 1 + Math.trunc(((weight - 10) * 9999) / 990);
}
