/** What a container uses, once or every second, in Docker's shape. */
import { readFileSync } from 'node:fs';
import { cpus, totalmem } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import type {
  BlkioEntry,
  ContainerStats,
  CpuStats,
  MemoryStats,
  NetworkStats,
} from '../api/index.ts';
import type { CgroupStats, IoCount } from '../runtime/index.ts';
import type { Container } from './container.ts';
import type { ContainerContext } from './context.ts';
import { formatTime, nowNs } from './time.ts';

type Context = Pick<ContainerContext, 'containers' | 'cgroups'>;

export interface StatsOptions {
  /** One after the other until the client leaves or the container is removed. */
  readonly stream: boolean;
  /** Without a first sample to compare with. */
  readonly oneShot: boolean;
  readonly signal: AbortSignal;
}

const intervalMs = 1000;

/** Throws `not-found` at once. The CPU shares that clients show are the difference of two samples. */
export function readStats(
  ctx: Context,
  ref: string,
  options: StatsOptions,
): AsyncIterable<ContainerStats> {
  return samples(ctx, ctx.containers.find(ref), options);
}

async function* samples(
  ctx: Context,
  container: Container,
  { stream, oneShot, signal }: StatsOptions,
): AsyncGenerator<ContainerStats> {
  let previous: ContainerStats | null = null;
  let isFirst = true;
  while (!signal.aborted && ctx.containers.get(container.id) === container) {
    const now = sample(ctx, container, previous);
    // A single answer that is compared takes two samples; nothing can be compared of what does not run.
    const isComplete = stream || oneShot || !isFirst || container.process === null;
    if (isComplete) yield now;
    if (isComplete && !stream) return;
    previous = container.process === null ? null : now;
    isFirst = false;
    if (!(await passes(signal))) return;
  }
}

async function passes(signal: AbortSignal): Promise<boolean> {
  try {
    await delay(intervalMs, undefined, { signal });
    return true;
  } catch {
    return false;
  }
}

const noTime = '0001-01-01T00:00:00Z';

function sample(
  ctx: Pick<Context, 'cgroups'>,
  container: Container,
  previous: ContainerStats | null,
): ContainerStats {
  const counted = container.process === null ? null : ctx.cgroups.stats(container.id);
  const networks = counted === null ? {} : networkStats(container);
  return {
    read: counted === null ? noTime : formatTime(nowNs()),
    preread: previous?.read ?? noTime,
    pids_stats: counted === null ? {} : pidsStats(counted),
    blkio_stats: blkioStats(counted),
    num_procs: 0,
    storage_stats: {},
    cpu_stats: cpuStats(counted),
    precpu_stats: previous?.cpu_stats ?? cpuStats(null),
    memory_stats: counted === null ? {} : memoryStats(counted),
    name: `/${container.name}`,
    id: container.id,
    ...(Object.keys(networks).length > 0 && { networks }),
  };
}

/** Unlimited is left out: the kernel's word for it has no number in JSON. */
function pidsStats({ pids }: CgroupStats): ContainerStats['pids_stats'] {
  return { current: pids.current, ...(pids.limit !== null && { limit: pids.limit }) };
}

function cpuStats(counted: CgroupStats | null): CpuStats {
  const { totalNs = 0, kernelNs = 0, userNs = 0, perCpuNs = [] } = counted?.cpu ?? {};
  const { periods = 0, throttledPeriods = 0, throttledNs = 0 } = counted?.cpu ?? {};
  return {
    cpu_usage: {
      total_usage: totalNs,
      ...(perCpuNs.length > 0 && { percpu_usage: perCpuNs }),
      usage_in_kernelmode: kernelNs,
      usage_in_usermode: userNs,
    },
    ...(counted !== null && {
      system_cpu_usage: systemCpuNs(readFileSync('/proc/stat', 'utf8')),
      online_cpus: cpus().length,
    }),
    throttling_data: {
      periods,
      throttled_periods: throttledPeriods,
      throttled_time: throttledNs,
    },
  };
}

/** Time of all CPUs since boot, idle time as well: the first seven columns of proc_stat(5), in USER_HZ of 1/100 s. */
export function systemCpuNs(stat: string): number {
  const [line = ''] = stat.split('\n');
  const ticks = line.split(/\s+/).slice(1, 8).map(Number);
  return ticks.reduce((sum, value) => sum + value, 0) * 10_000_000;
}

function memoryStats({ memory }: CgroupStats): MemoryStats {
  return {
    usage: memory.usageBytes,
    ...(memory.maxUsageBytes !== null && { max_usage: memory.maxUsageBytes }),
    stats: memory.details,
    ...(memory.failures !== null && memory.failures > 0 && { failcnt: memory.failures }),
    limit: Math.min(memory.limitBytes ?? Infinity, totalmem()),
  };
}

function blkioStats(counted: CgroupStats | null): ContainerStats['blkio_stats'] {
  return {
    io_service_bytes_recursive: blkioEntries(counted?.io.bytes ?? []),
    io_serviced_recursive: blkioEntries(counted?.io.operations ?? []),
    io_queue_recursive: null,
    io_service_time_recursive: null,
    io_wait_time_recursive: null,
    io_merged_recursive: null,
    io_time_recursive: null,
    sectors_recursive: null,
  };
}

/** Nothing counted is null, as Go prints a list that was never made. */
function blkioEntries(counts: readonly IoCount[]): readonly BlkioEntry[] | null {
  if (counts.length === 0) return null;
  return counts.map(({ major, minor, operation, value }) => ({
    major,
    minor,
    op: operation.toLowerCase(),
    value,
  }));
}

/** Of each interface but the loopback; on the host's network they are not the container's. */
function networkStats({ process, network }: Container): Readonly<Record<string, NetworkStats>> {
  if (process === null || network === null || network.sandboxKey === '') return {};
  return parseNetDev(readNetDev(process.containerPid));
}

/** Empty when the process ends at this moment. */
function readNetDev(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/net/dev`, 'utf8');
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException;
    if (['ENOENT', 'ESRCH', 'EINVAL'].includes(code)) return '';
    throw error;
  }
}

/** proc_pid_net(5): after the name 8 columns received, 8 sent. */
export function parseNetDev(text: string): Readonly<Record<string, NetworkStats>> {
  const lines = text.split('\n').map((line) => /^\s*([^:\s]+):\s*(.+)$/.exec(line));
  const entries = lines.flatMap((match) => {
    const [, name = '', columns = ''] = match ?? [];
    if (name === '' || name === 'lo') return [];
    const value = columns.trim().split(/\s+/).map(Number);
    const at = (index: number): number => value[index] ?? 0;
    return [
      [
        name,
        {
          ...{ rx_bytes: at(0), rx_packets: at(1), rx_errors: at(2), rx_dropped: at(3) },
          ...{ tx_bytes: at(8), tx_packets: at(9), tx_errors: at(10), tx_dropped: at(11) },
        },
      ] as const,
    ];
  });
  return Object.fromEntries(entries);
}
