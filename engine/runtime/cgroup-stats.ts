/** Counters of one container's cgroups, from either version's files. Pure but for the reader that is handed in. */

export interface CgroupStats {
  readonly cpu: CpuStats;
  readonly memory: MemoryStats;
  readonly pids: {
    readonly current: number;
    /** null: unlimited. */ readonly limit: number | null;
  };
  readonly io: IoStats;
}

export interface CpuStats {
  /** All in nanoseconds. */
  readonly totalNs: number;
  readonly kernelNs: number;
  readonly userNs: number;
  /** Of each CPU; v1 only, else empty. */
  readonly perCpuNs: readonly number[];
  readonly periods: number;
  readonly throttledPeriods: number;
  readonly throttledNs: number;
}

export interface MemoryStats {
  readonly usageBytes: number;
  /** v1 only. */
  readonly maxUsageBytes: number | null;
  readonly failures: number | null;
  /** null: unlimited. */
  readonly limitBytes: number | null;
  /** `memory.stat` as the kernel names it, in bytes where it counts memory. */
  readonly details: Readonly<Record<string, number>>;
}

export interface IoCount {
  readonly major: number;
  readonly minor: number;
  /** v2: "read" and "write"; v1 as the kernel writes it. */
  readonly operation: string;
  readonly value: number;
}

export interface IoStats {
  readonly bytes: readonly IoCount[];
  readonly operations: readonly IoCount[];
}

/** The text of a control file, empty where the machine has not got it. */
export type ReadControl = (controller: string, file: string) => string;

export function readCgroupStats(read: ReadControl, version: 1 | 2): CgroupStats {
  const pids = read('pids', 'pids.current');
  return {
    cpu: version === 1 ? cpuV1(read) : cpuV2(read),
    memory: version === 1 ? memoryV1(read) : memoryV2(read),
    pids: { current: numberOf(pids), limit: limitOf(read('pids', 'pids.max')) },
    io: version === 1 ? ioV1(read) : ioV2(read),
  };
}

/** `cpuacct.stat` counts in USER_HZ, which is 100 on every architecture that Linux runs on for us. */
const nsPerTick = 10_000_000;

function cpuV1(read: ReadControl): CpuStats {
  const ticks = keyed(read('cpuacct', 'cpuacct.stat'));
  const throttling = keyed(read('cpu', 'cpu.stat'));
  return {
    totalNs: numberOf(read('cpuacct', 'cpuacct.usage')),
    kernelNs: (ticks['system'] ?? 0) * nsPerTick,
    userNs: (ticks['user'] ?? 0) * nsPerTick,
    perCpuNs: words(read('cpuacct', 'cpuacct.usage_percpu')).map(Number),
    periods: throttling['nr_periods'] ?? 0,
    throttledPeriods: throttling['nr_throttled'] ?? 0,
    throttledNs: throttling['throttled_time'] ?? 0,
  };
}

function cpuV2(read: ReadControl): CpuStats {
  const stat = keyed(read('cpu', 'cpu.stat'));
  const ns = (key: string): number => (stat[key] ?? 0) * 1000;
  return {
    totalNs: ns('usage_usec'),
    kernelNs: ns('system_usec'),
    userNs: ns('user_usec'),
    perCpuNs: [],
    periods: stat['nr_periods'] ?? 0,
    throttledPeriods: stat['nr_throttled'] ?? 0,
    throttledNs: ns('throttled_usec'),
  };
}

function memoryV1(read: ReadControl): MemoryStats {
  return {
    usageBytes: numberOf(read('memory', 'memory.usage_in_bytes')),
    maxUsageBytes: numberOf(read('memory', 'memory.max_usage_in_bytes')),
    failures: numberOf(read('memory', 'memory.failcnt')),
    limitBytes: limitOf(read('memory', 'memory.limit_in_bytes')),
    details: keyed(read('memory', 'memory.stat')),
  };
}

function memoryV2(read: ReadControl): MemoryStats {
  return {
    usageBytes: numberOf(read('memory', 'memory.current')),
    maxUsageBytes: null,
    failures: null,
    limitBytes: limitOf(read('memory', 'memory.max')),
    details: keyed(read('memory', 'memory.stat')),
  };
}

function ioV1(read: ReadControl): IoStats {
  const counts = (file: string): readonly IoCount[] =>
    read('blkio', file)
      .split('\n')
      .flatMap((line) => {
        const match = /^(\d+):(\d+) (\w+) (\d+)$/.exec(line);
        if (match === null) return [];
        const [, major, minor, operation = '', value] = match;
        return [{ ...numbersOf(major, minor), operation, value: Number(value) }];
      });
  return {
    bytes: counts('blkio.throttle.io_service_bytes_recursive'),
    operations: counts('blkio.throttle.io_serviced_recursive'),
  };
}

/** "8:0 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=0 dios=0" */
function ioV2(read: ReadControl): IoStats {
  const lines = read('blkio', 'io.stat')
    .split('\n')
    .map((line) => /^(\d+):(\d+) (.+)$/.exec(line))
    .filter((match) => match !== null);
  const counts = (keys: readonly (readonly [operation: string, key: string])[]): IoCount[] =>
    lines.flatMap(([, major, minor, rest = '']) =>
      keys.map(([operation, key]) => ({
        ...numbersOf(major, minor),
        operation,
        value: Number(new RegExp(`\\b${key}=(\\d+)`).exec(rest)?.[1] ?? 0),
      })),
    );
  return {
    bytes: counts([
      ['read', 'rbytes'],
      ['write', 'wbytes'],
    ]),
    operations: counts([
      ['read', 'rios'],
      ['write', 'wios'],
    ]),
  };
}

function numbersOf(
  major: string | undefined,
  minor: string | undefined,
): Pick<IoCount, 'major' | 'minor'> {
  return { major: Number(major), minor: Number(minor) };
}

/** v1 writes "no limit" as the largest number of pages, v2 as "max". */
const unlimitedFrom = 2 ** 60;

function limitOf(text: string): number | null {
  const limit = text.trim() === '' ? NaN : Number(text);
  return Number.isNaN(limit) || limit >= unlimitedFrom ? null : limit;
}

function numberOf(text: string): number {
  const value = Number(text.trim());
  return Number.isFinite(value) ? value : 0;
}

function words(text: string): readonly string[] {
  return text.split(/\s+/).filter((word) => word !== '');
}

/** "key value" lines. */
function keyed(text: string): Readonly<Record<string, number>> {
  const entries = text
    .split('\n')
    .map((line) => line.split(' '))
    .filter((parts) => parts.length === 2);
  return Object.fromEntries(entries.map(([key = '', value]) => [key, Number(value)]));
}
