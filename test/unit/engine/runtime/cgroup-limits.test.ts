import { describe, expect, test } from 'vitest';
import { findHierarchies } from '../../../../engine/runtime/cgroup-hierarchies.ts';
import { valueBefore } from '../../../../engine/runtime/cgroup-restore.ts';
import { limitWarnings, supportFacts } from '../../../../engine/runtime/cgroup-support.ts';
import { limitWrites, weightOf } from '../../../../engine/runtime/cgroup-writes.ts';
import type { CgroupLimits } from '../../../../engine/runtime/cgroup-limits.ts';
import { Cgroups } from '../../../../engine/runtime/cgroup.ts';

const mebibyte = 1 << 20;

function print(limits: CgroupLimits, version: 1 | 2): string {
  return limitWrites(limits, { version })
    .map(({ file, value }) => `${file} ${value}`)
    .join(', ');
}

describe('limitWrites', () => {
  test.each<[string, CgroupLimits, string, string]>([
    ['nothing', {}, '', ''],
    ['zeros', { memoryBytes: 0, pids: 0, nanoCpus: 0, cpuShares: 0 }, '', ''],
    [
      'memory alone allows as much swap',
      { memoryBytes: 64 * mebibyte },
      'memory.limit_in_bytes 67108864, memory.memsw.limit_in_bytes 134217728',
      'memory.max 67108864, memory.swap.max 67108864',
    ],
    [
      'memory and no swap',
      { memoryBytes: 64 * mebibyte, memorySwapBytes: 64 * mebibyte },
      'memory.limit_in_bytes 67108864, memory.memsw.limit_in_bytes 67108864',
      'memory.max 67108864, memory.swap.max 0',
    ],
    [
      'memory and any swap',
      { memoryBytes: 64 * mebibyte, memorySwapBytes: -1 },
      'memory.limit_in_bytes 67108864, memory.memsw.limit_in_bytes -1',
      'memory.max 67108864, memory.swap.max max',
    ],
    [
      'a reservation',
      { memoryReservationBytes: 8 * mebibyte },
      'memory.soft_limit_in_bytes 8388608',
      'memory.low 8388608',
    ],
    ['processes', { pids: 100 }, 'pids.max 100', 'pids.max 100'],
    ['any number of processes', { pids: -1 }, 'pids.max max', 'pids.max max'],
    [
      'half a CPU',
      { nanoCpus: 500_000_000 },
      'cpu.cfs_period_us 100000, cpu.cfs_quota_us 50000',
      'cpu.max 50000 100000',
    ],
    [
      'a quota of a period',
      { cpuQuotaUs: 20_000, cpuPeriodUs: 40_000 },
      'cpu.cfs_period_us 40000, cpu.cfs_quota_us 20000',
      'cpu.max 20000 40000',
    ],
    [
      'no quota',
      { cpuQuotaUs: -1 },
      'cpu.cfs_period_us 100000, cpu.cfs_quota_us -1',
      'cpu.max max 100000',
    ],
    ['shares', { cpuShares: 512 }, 'cpu.shares 512', 'cpu.weight 20'],
    ['a period alone', { cpuPeriodUs: 50_000 }, 'cpu.cfs_period_us 50000', 'cpu.max max 50000'],
    [
      'what only v1 has',
      { memorySwappiness: 0, isOomKillDisabled: true, cpuRealtimeRuntimeUs: 950 },
      'memory.swappiness 0, memory.oom_control 1, cpu.rt_runtime_us 950',
      '',
    ],
    [
      'CPUs and memory nodes',
      { cpusetCpus: '0-1,3', cpusetMems: '0' },
      'cpuset.cpus 0-1,3, cpuset.mems 0',
      'cpuset.cpus 0-1,3, cpuset.mems 0',
    ],
    [
      'block devices',
      {
        blkioWeight: 1000,
        blkioWeightDevices: [{ major: 8, minor: 0, value: 10 }],
        blkioReadBps: [{ major: 8, minor: 0, value: 1024 }],
        blkioWriteIops: [{ major: 8, minor: 16, value: 20 }],
      },
      'blkio.weight 1000, blkio.weight_device 8:0 10, ' +
        'blkio.throttle.read_bps_device 8:0 1024, blkio.throttle.write_iops_device 8:16 20',
      'io.bfq.weight 1000, io.bfq.weight 8:0 10, io.max 8:0 rbps=1024, io.max 8:16 wiops=20',
    ],
  ])('%s', (...[, limits, v1, v2]) => {
    expect([print(limits, 1), print(limits, 2)]).toEqual([v1, v2]);
  });

  test.each<[CgroupLimits, string]>([
    [{ memoryBytes: 6 * mebibyte - 1 }, 'Minimum memory limit allowed is 6MB'],
    [
      { memoryBytes: 64 * mebibyte, memorySwapBytes: mebibyte },
      'memoryswap limit should be larger',
    ],
    [{ memorySwapBytes: mebibyte }, 'always set the Memory limit when using Memoryswap'],
    [
      { memoryBytes: 8 * mebibyte, memoryReservationBytes: 9 * mebibyte },
      'memory reservation limit',
    ],
    [{ memoryBytes: 1.5 }, 'memoryBytes cannot be 1.5'],
    [{ pids: 1.5 }, 'pids cannot be 1.5'],
    [{ pids: -2 }, 'pids cannot be -2'],
    [{ pids: Number.NaN }, 'pids cannot be NaN'],
    [{ memoryReservationBytes: mebibyte }, 'Minimum memory reservation allowed is 6MB'],
    [{ nanoCpus: 1e9, cpuQuotaUs: 5000 }, 'Nano CPUs and CPU Quota cannot both be set'],
    [{ nanoCpus: 1e9, cpuPeriodUs: 5000 }, 'Nano CPUs and CPU Period cannot both be set'],
    [{ nanoCpus: 1 }, 'range of CPUs starts at 0.01'],
    [{ cpuPeriodUs: 999 }, 'can not be less than 1ms (i.e. 1000) or larger than 1s'],
    [{ cpuQuotaUs: 999 }, 'can not be less than 1ms'],
    [{ cpuShares: 1 }, 'between 2 and 262144'],
    [{ memorySwappiness: 101 }, 'valid memory swappiness range is 0-100'],
    [{ cpusetCpus: '0-' }, 'Invalid value 0- for cpuset cpus'],
    [{ cpusetCpus: '3-1' }, 'Invalid value 3-1 for cpuset cpus'],
    [{ cpusetMems: '0\n1' }, 'for cpuset mems'],
    [{ blkioWeight: 9 }, 'from 10 to 1000'],
    [{ blkioWeightDevices: [{ major: 8, minor: 0, value: 1001 }] }, 'from 10 to 1000'],
    [{ cpuRealtimePeriodUs: 10, cpuRealtimeRuntimeUs: 11 }, 'higher than cpu real-time period'],
  ])('%j must be refused', (limits, message) => {
    expect(() => limitWrites(limits, { version: 1 })).toThrow(message);
    expect(() => limitWrites(limits, { version: 2 })).toThrow(message);
  });

  test('a limit that rises must let swap go first, one that falls must go first itself', () => {
    const order = (memoryBytes: number, currentMemoryBytes: number): readonly string[] =>
      limitWrites({ memoryBytes }, { version: 1, currentMemoryBytes }).map(({ file }) => file);
    expect(order(64 * mebibyte, 32 * mebibyte)[0]).toBe('memory.memsw.limit_in_bytes');
    expect(order(32 * mebibyte, 64 * mebibyte)[0]).toBe('memory.limit_in_bytes');
  });

  test('where BFQ is not loaded the cost model must weigh, in its own scale', () => {
    const limits = { blkioWeight: 500, blkioWeightDevices: [{ major: 8, minor: 0, value: 10 }] };
    expect(limitWrites(limits, { version: 2 }).map(({ instead }) => instead)).toEqual([
      { file: 'io.weight', value: 'default 4950' },
      undefined,
    ]);
  });

  test.each([
    [2, 1],
    [1024, 39],
    [262_144, 10_000],
  ])('%i shares must weigh %i', (shares, weight) => {
    expect(weightOf(shares)).toBe(weight);
  });
});

const every = [
  ...['memory.limit_in_bytes', 'memory.memsw.limit_in_bytes', 'memory.soft_limit_in_bytes'],
  ...['memory.swappiness', 'memory.oom_control', 'pids.max', 'cpu.shares', 'cpu.cfs_quota_us'],
  ...['cpu.cfs_period_us', 'cpu.rt_runtime_us', 'cpuset.cpus', 'blkio.weight'],
  ...['blkio.weight_device', 'blkio.throttle.read_bps_device', 'blkio.throttle.write_bps_device'],
  ...['blkio.throttle.read_iops_device', 'blkio.throttle.write_iops_device'],
];
const all: CgroupLimits = {
  ...{ memoryBytes: 64 * mebibyte, memoryReservationBytes: 32 * mebibyte, memorySwappiness: 10 },
  ...{ isOomKillDisabled: true, pids: 10, cpuShares: 512, cpuQuotaUs: 50_000, cpusetCpus: '0' },
  ...{ blkioWeight: 500, blkioWeightDevices: [{ major: 8, minor: 0, value: 10 }] },
  ...{ blkioReadBps: [{ major: 8, minor: 0, value: 1 }] },
  ...{ blkioWriteBps: [{ major: 8, minor: 0, value: 1 }] },
  ...{ blkioReadIops: [{ major: 8, minor: 0, value: 1 }] },
  ...{ blkioWriteIops: [{ major: 8, minor: 0, value: 1 }] },
};
const machine = { files: new Set(every), cpuCount: 4, cpus: '0-1,3', memoryNodes: '0' };

describe('limitWarnings', () => {
  test('where every control is there, nothing must be left out', () => {
    expect(limitWarnings(all, machine)).toEqual([]);
  });

  test('what has no control must be left out with Docker’s sentence', () => {
    expect(limitWarnings(all, { ...machine, files: new Set() })).toEqual([
      'Your kernel does not support memory limit capabilities or the cgroup is not mounted. Limitation discarded.',
      'Your kernel does not support swap limit capabilities or the cgroup is not mounted. Memory limited without swap.',
      'Your kernel does not support memory swappiness capabilities or the cgroup is not mounted. Memory swappiness discarded.',
      'Your kernel does not support memory soft limit capabilities or the cgroup is not mounted. Limitation discarded.',
      'Your kernel does not support OomKillDisable. OomKillDisable discarded.',
      'Your kernel does not support PIDs limit capabilities or the cgroup is not mounted. PIDs limit discarded.',
      'Your kernel does not support CPU shares or the cgroup is not mounted. Shares discarded.',
      'Your kernel does not support CPU CFS scheduler. CPU period/quota discarded.',
      'Your kernel does not support cpuset or the cgroup is not mounted. Cpuset discarded.',
      'Your kernel does not support Block I/O weight or the cgroup is not mounted. Weight discarded.',
      'Your kernel does not support Block I/O weight_device or the cgroup is not mounted. Weight-device discarded.',
      'Your kernel does not support BPS Block I/O read limit or the cgroup is not mounted. Block I/O BPS read limit discarded.',
      'Your kernel does not support BPS Block I/O write limit or the cgroup is not mounted. Block I/O BPS write limit discarded.',
      'Your kernel does not support IOPS Block read limit or the cgroup is not mounted. Block I/O IOPS read limit discarded.',
      'Your kernel does not support IOPS Block write limit or the cgroup is not mounted. Block I/O IOPS write limit discarded.',
    ]);
  });

  test('a container that cannot be killed for memory must be warned of where it has no limit', () => {
    expect(limitWarnings({ isOomKillDisabled: true }, machine)).toEqual([
      'OOM killer is disabled for the container, but no memory limit is set, this can result in the system running out of resources.',
    ]);
  });

  test.each<[CgroupLimits, string]>([
    [
      { nanoCpus: 4.01e9 },
      'range of CPUs is from 0.01 to 4.00, as there are only 4 CPUs available',
    ],
    [{ cpusetCpus: '0-2' }, 'Requested CPUs are not available - requested 0-2, available: 0-1,3'],
    [{ cpusetMems: '1' }, 'Requested memory nodes are not available - requested 1, available: 0'],
  ])('%j must be refused on this machine', (limits, message) => {
    expect(() => limitWarnings(limits, machine)).toThrow(message);
  });

  test.each<[CgroupLimits, string]>([
    [{ cpuRealtimeRuntimeUs: 950 }, 'kernel does not support CPU real-time scheduler'],
    [{ nanoCpus: 1e9 }, 'NanoCPUs can not be set, as your kernel does not support CPU CFS'],
  ])('%j must be refused where the kernel has no such scheduler', (limits, message) => {
    expect(() => limitWarnings(limits, { ...machine, files: new Set() })).toThrow(message);
  });

  test.each(['0', '0,1', '0-1', '1,3', '0-1,3'])('CPUs %s must be taken', (cpusetCpus) => {
    expect(limitWarnings({ cpusetCpus }, machine)).toEqual([]);
  });

  test.each([
    ['0-4294967295', '0-4294967295'],
    ['1-999999999', '1-999999999'],
    ['a range to a number of a million digits', `0-${'9'.repeat(1 << 20)}`],
    ['half a million CPUs', '0,'.repeat(1 << 19)],
  ])('C-81: as set of CPUs, %s must be refused within 10 ms', (_name, cpusetCpus) => {
    const refuse = (): number => {
      const startedAt = performance.now();
      expect(() => limitWarnings({ cpusetCpus }, machine)).toThrow('for cpuset cpus');
      return performance.now() - startedAt;
    };
    expect(Math.min(refuse(), refuse(), refuse())).toBeLessThan(10);
  });
});

test('/info must say what the machine has', () => {
  const facts = supportFacts(machine);
  expect(Object.entries(facts).filter(([, isThere]) => !isThere)).toEqual([]);
  expect(Object.values(supportFacts({ ...machine, files: new Set() }))).not.toContain(true);
});

describe('the value that takes an update back', () => {
  const write = (file: string, value: string) => ({ controller: 'blkio' as const, file, value });

  test.each([
    ['memory.max', '1', 'max\n', 'max'],
    ['cpu.max', '1 2', 'max 100000\n', 'max 100000'],
    ['cpuset.cpus', '0', '\n', '\n'],
    ['memory.oom_control', '1', 'oom_kill_disable 0\nunder_oom 0\noom_kill 3\n', '0'],
    ['io.weight', 'default 7', 'default 100\n8:0 50\n', 'default 100'],
    ['io.weight', '8:0 7', 'default 100\n8:0 50\n', '8:0 50'],
    ['io.weight', '8:16 7', 'default 100\n8:0 50\n', '8:16 default'],
    [
      'io.max',
      '8:0 rbps=7',
      '8:0 rbps=5 wbps=max riops=max wiops=max\n',
      '8:0 rbps=5 wbps=max riops=max wiops=max',
    ],
    ['io.max', '8:16 wiops=7', '8:0 rbps=5 wbps=max riops=max wiops=max\n', '8:16 wiops=max'],
    ['blkio.throttle.read_bps_device', '8:0 7', '', '8:0 0'],
    ['blkio.throttle.read_bps_device', '8:0 7', '8:0 5\n', '8:0 5'],
  ])('of %s, written %j over %j, must be %j', (file, value, text, before) => {
    expect(valueBefore(write(file, value), text)).toBe(before);
  });
});

const v2 =
  '30 23 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate,memory_recursiveprot';
const v1 = [
  '31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw,mode=755',
  '32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw shared:9 - cgroup cgroup rw,cpu,cpuacct',
  '33 31 0:31 / /sys/fs/cgroup/cpuset rw - cgroup cgroup rw,cpuset',
  '34 31 0:32 / /sys/fs/cgroup/with\\040space/memory rw - cgroup cgroup rw,memory',
  '35 31 0:33 / /sys/fs/cgroup/devices rw - cgroup cgroup rw,devices',
  '36 31 0:34 / /sys/fs/cgroup/freezer rw - cgroup cgroup rw,freezer',
  '37 31 0:37 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,xattr,name=systemd',
  '38 31 0:33 / /elsewhere/devices rw - cgroup cgroup rw,devices',
].join('\n');
const unified = '41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw';

describe('findHierarchies', () => {
  test.each([
    ['v2', v2, ['/sys/fs/cgroup']],
    [
      'v1',
      v1,
      [
        '/sys/fs/cgroup/cpu,cpuacct',
        '/sys/fs/cgroup/cpuset',
        '/sys/fs/cgroup/with space/memory',
        '/sys/fs/cgroup/devices',
        '/sys/fs/cgroup/freezer',
      ],
    ],
    [
      'hybrid',
      `${v1}\n${unified}\n`,
      [
        '/sys/fs/cgroup/unified',
        '/sys/fs/cgroup/cpu,cpuacct',
        '/sys/fs/cgroup/cpuset',
        '/sys/fs/cgroup/with space/memory',
        '/sys/fs/cgroup/devices',
      ],
    ],
    ['none', '22 27 0:21 / /proc rw - proc proc rw\n\n', []],
  ] as const)('%s', (version, mountinfo, expected) => {
    expect(findHierarchies(mountinfo).map(({ mountPoint }) => mountPoint)).toEqual(expected);
    expect(Cgroups.discover({ instance: 't', mountinfo }).version).toBe(version);
  });
});

describe('the placement of a container', () => {
  const id = 'c'.repeat(64);

  function describePlacement(mountinfo: string, canFilterDevices = false): unknown {
    const { directories, hasCgroup2, hasDeviceControl, view } = Cgroups.discover({
      instance: 'tscompose',
      mountinfo,
      canFilterDevices,
    }).placement(id);
    const seen = view.map(({ kind, source, target }) =>
      `${kind} ${source}>${target}`.replaceAll(id, 'ID'),
    );
    return { count: directories.length, hasCgroup2, hasDeviceControl, seen };
  }

  test('on v2 it must be one directory, without control of devices', () => {
    expect(describePlacement(v2)).toEqual({
      count: 1,
      hasCgroup2: true,
      hasDeviceControl: false,
      seen: ['bind /sys/fs/cgroup/tscompose/ID>/sys/fs/cgroup'],
    });
  });

  test('on v2 with programs for devices there must be control of them', () => {
    expect(describePlacement(v2, true)).toMatchObject({ hasDeviceControl: true });
  });

  test('on a hybrid host the v2 directory must come first and the container see the v1 limits', () => {
    expect(describePlacement(`${v1}\n${unified}`)).toEqual({
      count: 5,
      hasCgroup2: true,
      hasDeviceControl: true,
      seen: [
        'tmpfs >/sys/fs/cgroup',
        'bind /sys/fs/cgroup/cpu,cpuacct/tscompose/ID>/sys/fs/cgroup/cpu,cpuacct',
        'bind /sys/fs/cgroup/with space/memory/tscompose/ID>/sys/fs/cgroup/memory',
      ],
    });
  });
});
