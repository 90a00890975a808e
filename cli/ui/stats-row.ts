/** A sample of a container's statistics as `stats` shows it, with docker's arithmetic. */
import type { ContainerStats, MemoryStats } from '../../engine/api/index.ts';
import { binarySize, decimalSize } from './go-text.ts';
import type { FormatRow, RowFormat } from './rows.ts';

export const statsFormat: RowFormat = {
  headings: {
    BlockIO: 'BLOCK I/O',
    CPUPerc: 'CPU %',
    Container: 'CONTAINER',
    ID: 'CONTAINER ID',
    MemPerc: 'MEM %',
    MemUsage: 'MEM USAGE / LIMIT',
    Name: 'NAME',
    NetIO: 'NET I/O',
    PIDs: 'PIDS',
  },
  defaultTable: [
    '{{.ID}}',
    '{{.Name}}',
    '{{.CPUPerc}}',
    '{{.MemUsage}}',
    '{{.MemPerc}}',
    '{{.NetIO}}',
    '{{.BlockIO}}',
    '{{.PIDs}}',
  ].join('\t'),
};

export interface StatsSource {
  readonly id: string;
  readonly name: string;
  readonly isCut: boolean;
}

/** Without a sample: what does not run uses nothing. */
export function statsRow(
  { id, name, isCut }: StatsSource,
  sample: ContainerStats | undefined,
): FormatRow {
  const memory = memoryOf(sample?.memory_stats);
  const networks = Object.values(sample?.networks ?? {});
  const blocks = sample?.blkio_stats.io_service_bytes_recursive ?? [];
  const moved = (letter: string): number =>
    sum(blocks.filter(({ op }) => op.toLowerCase().startsWith(letter)).map(({ value }) => value));
  const received = sum(networks.map(({ rx_bytes: bytes }) => bytes));
  const sent = sum(networks.map(({ tx_bytes: bytes }) => bytes));
  return {
    BlockIO: `${decimalSize(moved('r'), 3)} / ${decimalSize(moved('w'), 3)}`,
    CPUPerc: `${cpuPercent(sample).toFixed(2)}%`,
    Container: id,
    ID: isCut ? id.slice(0, 12) : id,
    MemPerc: `${(memory.limit === 0 ? 0 : (memory.used / memory.limit) * 100).toFixed(2)}%`,
    MemUsage: `${binarySize(memory.used)} / ${binarySize(memory.limit)}`,
    Name: name,
    NetIO: `${decimalSize(received, 3)} / ${decimalSize(sent, 3)}`,
    PIDs: String(sample?.pids_stats.current ?? 0),
  };
}

/** Of one processor: what the container used between two samples, of what all processors did. */
function cpuPercent(sample: ContainerStats | undefined): number {
  if (sample === undefined) return 0;
  const { cpu_stats: now, precpu_stats: before } = sample;
  const used = now.cpu_usage.total_usage - before.cpu_usage.total_usage;
  const passed = (now.system_cpu_usage ?? 0) - (before.system_cpu_usage ?? 0);
  const processors = now.online_cpus ?? now.cpu_usage.percpu_usage?.length ?? 1;
  return used > 0 && passed > 0 ? (used / passed) * processors * 100 : 0;
}

/** Pages that the kernel would give up at once are no usage: `total_inactive_file` of cgroup v1, the same of v2. */
function memoryOf(stats: MemoryStats | undefined): {
  readonly used: number;
  readonly limit: number;
} {
  const { usage = 0, limit = 0 } = stats ?? {};
  const idle = stats?.stats?.['total_inactive_file'] ?? stats?.stats?.['inactive_file'] ?? 0;
  return { used: idle < usage ? usage - idle : usage, limit };
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
