/**
 * Every option of `docker create` that is about containers and volumes: what inspect shows of it, and what the program
 * sees. The answers are those of Docker 28.5; what others of these tests look into deeper has one row here.
 */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { absentForDocker, useDockerEngine } from '../lib/docker-engine.ts';

const title = `options of docker (missing: ${absentForDocker.join() || 'nothing'})`;

interface Row {
  readonly options: readonly string[];
  /** Below `inspect`: path → value. */
  readonly shown?: Readonly<Record<string, unknown>>;
  /** A script in the container, and what it prints. */
  readonly seen?: readonly [script: string, output: string];
}

const cgroup = (file: string, value: string): readonly [string, string] => [
  `cat /sys/fs/cgroup/${file}`,
  value,
];
const mount = (target: string): string =>
  `awk '$2 == "${target}" {print $3, $4}' /proc/mounts | sed 's/,inode64//'`;
const volumeMount = {
  Type: 'volume',
  Driver: 'local',
  Destination: '/t',
  RW: true,
  Propagation: '',
};
const bindMount = { Type: 'bind', Source: '/etc', Destination: '/t', Propagation: 'rprivate' };
const directory = join(tmpdir(), `tsc-options-${process.pid}`);

const resources: readonly Row[] = [
  {
    options: [],
    shown: {
      'HostConfig.Memory': 0,
      'HostConfig.MemorySwap': 0,
      'HostConfig.MemorySwappiness': null,
      'HostConfig.PidsLimit': null,
      'HostConfig.OomKillDisable': false,
      'HostConfig.CpuShares': 0,
      'HostConfig.ShmSize': 67_108_864,
      'HostConfig.Ulimits': [],
      'HostConfig.Devices': [],
      'HostConfig.RestartPolicy': { Name: 'no', MaximumRetryCount: 0 },
      'Config.Volumes': null,
      Mounts: [],
    },
  },
  {
    options: ['--cpus', '0.5'],
    shown: { 'HostConfig.NanoCpus': 500_000_000, 'HostConfig.CpuQuota': 0 },
  },
  {
    options: ['--cpu-shares', '512', '--cpu-period', '50000', '--cpu-quota', '20000'],
    shown: {
      'HostConfig.CpuShares': 512,
      'HostConfig.CpuPeriod': 50_000,
      'HostConfig.CpuQuota': 20_000,
    },
  },
  {
    options: ['--cpuset-cpus', '0', '--cpuset-mems', '0'],
    shown: { 'HostConfig.CpusetCpus': '0', 'HostConfig.CpusetMems': '0' },
    seen: ["awk '/^Cpus_allowed_list/ {print $2}' /proc/self/status", '0'],
  },
  {
    options: ['-m', '64m'],
    shown: { 'HostConfig.Memory': 67_108_864, 'HostConfig.MemorySwap': 134_217_728 },
  },
  {
    options: ['-m', '64m', '--memory-swap', '-1', '--memory-reservation', '32m'],
    shown: { 'HostConfig.MemorySwap': -1, 'HostConfig.MemoryReservation': 33_554_432 },
  },
  {
    options: ['--memory-swappiness', '10', '-m', '64m'],
    shown: { 'HostConfig.MemorySwappiness': 10 },
  },
  { options: ['--kernel-memory', '64m'], shown: { 'HostConfig.Memory': 0 } },
  {
    options: ['--pids-limit', '50'],
    shown: { 'HostConfig.PidsLimit': 50 },
    seen: cgroup('pids/pids.max 2>/dev/null || cat /sys/fs/cgroup/pids.max', '50'),
  },
  { options: ['--pids-limit', '-1'], shown: { 'HostConfig.PidsLimit': null } },
  {
    options: ['--oom-score-adj', '500'],
    shown: { 'HostConfig.OomScoreAdj': 500 },
    seen: ['cat /proc/self/oom_score_adj', '500'],
  },
  {
    options: ['--ulimit', 'nofile=100:200', '--ulimit', 'core=0'],
    shown: {
      'HostConfig.Ulimits': [
        { Name: 'core', Hard: 0, Soft: 0 },
        { Name: 'nofile', Hard: 200, Soft: 100 },
      ],
    },
    seen: ['ulimit -Sn; ulimit -Hn; ulimit -c', '100\n200\n0'],
  },
  {
    options: ['--shm-size', '1m'],
    shown: { 'HostConfig.ShmSize': 1_048_576 },
    seen: ["df -k /dev/shm | awk 'NR == 2 {print $2}'", '1024'],
  },
  { options: ['--shm-size', '0'], shown: { 'HostConfig.ShmSize': 67_108_864 } },
  {
    options: ['--gpus', '0', '--runtime', 'tscompose'],
    shown: { 'HostConfig.Runtime': 'tscompose' },
  },
];

const mounts: readonly Row[] = [
  {
    options: ['--tmpfs', '/t:size=1m,mode=1770,uid=5,noexec'],
    shown: { 'HostConfig.Tmpfs': { '/t': 'size=1m,mode=1770,uid=5,noexec' }, Mounts: [] },
    seen: ["stat -c '%a %u' /t", '1770 5'],
  },
  {
    options: ['--mount', 'type=tmpfs,dst=/t,tmpfs-size=1m,tmpfs-mode=0700'],
    shown: {
      Mounts: [
        { Type: 'tmpfs', Source: '', Destination: '/t', Mode: '', RW: true, Propagation: '' },
      ],
    },
    seen: [
      `stat -c %a /t; ${mount('/t')}`,
      '700\ntmpfs rw,nosuid,nodev,noexec,relatime,size=1024k,mode=700',
    ],
  },
  {
    options: ['--mount', 'type=bind,src=/etc,dst=/t,ro'],
    shown: { Mounts: [{ ...bindMount, Mode: '', RW: false }] },
    seen: ['touch /t/x 2>&1', 'touch: /t/x: Read-only file system'],
  },
  { options: ['-v', '/etc:/t:ro'], shown: { Mounts: [{ ...bindMount, Mode: 'ro', RW: false }] } },
  { options: ['-v', '/etc:/t:z'], shown: { Mounts: [{ ...bindMount, Mode: 'z', RW: true }] } },
  { options: ['-v', '/etc:/t'], shown: { Mounts: [{ ...bindMount, Mode: '', RW: true }] } },
  {
    options: ['-v', '/etc:/t:ro,rslave'],
    shown: { Mounts: [{ ...bindMount, Mode: 'ro,rslave', RW: false, Propagation: 'rslave' }] },
  },
  {
    options: ['-v', 'optvol:/t'],
    shown: { Mounts: [{ ...volumeMount, Name: 'optvol', Mode: 'z' }] },
  },
  {
    options: ['-v', 'optvol:/t:ro'],
    shown: { Mounts: [{ ...volumeMount, Name: 'optvol', Mode: 'ro', RW: false }] },
  },
  { options: ['-v', '/t'], shown: { 'Config.Volumes': { '/t': {} }, 'Mounts.0.Mode': '' } },
  {
    options: [
      '--mount',
      'type=volume,src=optvol,dst=/t,volume-label=a=b',
      '--volume-driver',
      'local',
    ],
    shown: { Mounts: [{ ...volumeMount, Name: 'optvol', Mode: 'z' }] },
  },
  {
    options: ['--read-only', '--tmpfs', '/w'],
    shown: { 'HostConfig.ReadonlyRootfs': true },
    seen: ['touch /w/x && touch /x 2>&1', 'touch: /x: Read-only file system'],
  },
];

const isolation: readonly Row[] = [
  {
    options: ['-h', 'h1', '--domainname', 'example.org'],
    shown: { 'Config.Hostname': 'h1', 'Config.Domainname': 'example.org' },
    seen: ['hostname; cat /proc/sys/kernel/domainname', 'h1\nexample.org'],
  },
  {
    options: ['-u', '1000:1001', '--group-add', '7'],
    shown: { 'Config.User': '1000:1001', 'HostConfig.GroupAdd': ['7'] },
    seen: ['id -u; id -G', '1000\n1001 7'],
  },
  {
    options: ['--annotation', 'a=b', '--annotation', 'c=d'],
    shown: { 'HostConfig.Annotations': { a: 'b', c: 'd' } },
  },
  { options: ['--cgroupns', 'host'], shown: { 'HostConfig.CgroupnsMode': 'host' } },
  { options: ['--uts', 'host'], shown: { 'HostConfig.UTSMode': 'host' } },
  { options: ['--pid', 'host'], shown: { 'HostConfig.PidMode': 'host' } },
  {
    options: ['--ipc', 'none'],
    shown: { 'HostConfig.IpcMode': 'none' },
    seen: ['test -e /dev/shm || echo none', 'none'],
  },
  { options: ['--userns', 'host'], shown: { 'HostConfig.UsernsMode': 'host' } },
  { options: ['--isolation', 'default'], shown: { 'HostConfig.Isolation': 'default' } },
  {
    options: ['--sysctl', 'kernel.msgmax=4096'],
    shown: { 'HostConfig.Sysctls': { 'kernel.msgmax': '4096' } },
    seen: ['cat /proc/sys/kernel/msgmax', '4096'],
  },
  {
    options: ['--cap-add', 'NET_ADMIN', '--cap-drop', 'CHOWN'],
    shown: { 'HostConfig.CapAdd': ['CAP_NET_ADMIN'], 'HostConfig.CapDrop': ['CAP_CHOWN'] },
    seen: ["awk '/^CapEff/ {print $2}' /proc/self/status", '00000000a80435fa'],
  },
  {
    options: ['--privileged'],
    shown: {
      'HostConfig.Privileged': true,
      'HostConfig.MaskedPaths': [],
      'HostConfig.ReadonlyPaths': [],
    },
  },
  {
    options: ['--security-opt', 'systempaths=unconfined'],
    shown: { 'HostConfig.MaskedPaths': [], 'HostConfig.ReadonlyPaths': [] },
  },
  {
    options: ['--security-opt', 'no-new-privileges'],
    shown: {
      'HostConfig.SecurityOpt': ['no-new-privileges'],
      'HostConfig.ReadonlyPaths': [
        '/proc/bus',
        '/proc/fs',
        '/proc/irq',
        '/proc/sys',
        '/proc/sysrq-trigger',
      ],
    },
    seen: ["awk '/^NoNewPrivs/ {print $2}' /proc/self/status", '1'],
  },
  {
    options: ['--device', '/dev/null:/dev/mine:r'],
    shown: {
      'HostConfig.Devices': [
        { PathOnHost: '/dev/null', PathInContainer: '/dev/mine', CgroupPermissions: 'r' },
      ],
    },
    seen: ['ls -l /dev/mine | cut -c1', 'c'],
  },
  {
    options: ['--device-cgroup-rule', 'c 1:11 r'],
    shown: { 'HostConfig.DeviceCgroupRules': ['c 1:11 r'] },
  },
  { options: ['--cgroup-parent', '/mine'], shown: { 'HostConfig.CgroupParent': '/mine' } },
  {
    options: ['--init'],
    shown: { 'HostConfig.Init': true },
    seen: ['cat /proc/1/comm', 'docker-init'],
  },
];

const programs: readonly Row[] = [
  {
    options: ['--env-file', join(directory, 'env'), '-e', 'A=1', '-e', 'C='],
    seen: ['echo "$A $D $F [$C]"', '1 4 a b []'],
  },
  {
    options: ['--label-file', join(directory, 'labels'), '-l', 'x=y', '-l', 'z'],
    shown: { 'Config.Labels': { l1: 'v1', x: 'y', z: '' } },
  },
  {
    options: ['-w', '/new/dir'],
    shown: { 'Config.WorkingDir': '/new/dir' },
    seen: ['pwd; stat -c "%u %a" .', '/new/dir\n0 755'],
  },
  {
    options: ['--stop-signal', 'SIGINT', '--stop-timeout', '5'],
    shown: { 'Config.StopSignal': 'SIGINT', 'Config.StopTimeout': 5 },
  },
  {
    options: ['--restart', 'on-failure:3'],
    shown: { 'HostConfig.RestartPolicy': { Name: 'on-failure', MaximumRetryCount: 3 } },
  },
  {
    options: ['--health-cmd', 'true', '--health-interval', '1s', '--health-retries', '4'],
    shown: {
      'Config.Healthcheck': { Test: ['CMD-SHELL', 'true'], Interval: 1e9, Retries: 4 },
    },
  },
  { options: ['--no-healthcheck'], shown: { 'Config.Healthcheck': { Test: ['NONE'] } } },
  {
    options: ['--log-driver', 'local', '--log-opt', 'max-size=1m'],
    shown: { 'HostConfig.LogConfig': { Type: 'local', Config: { 'max-size': '1m' } } },
  },
  { options: ['-i'], shown: { 'Config.OpenStdin': true, 'Config.StdinOnce': true } },
  { options: ['-t'], shown: { 'Config.Tty': true } },
  { options: ['--rm'], shown: { 'HostConfig.AutoRemove': true } },
  {
    options: ['--expose', '90-91/udp'],
    shown: { 'Config.ExposedPorts': { '90/udp': {}, '91/udp': {} } },
  },
  {
    options: ['-P', '--expose', '80'],
    shown: { 'HostConfig.PublishAllPorts': true, 'Config.ExposedPorts': { '80/tcp': {} } },
  },
  {
    options: ['--dns', '1.1.1.1', '--dns-search', 'a.b', '--dns-option', 'ndots:2'],
    shown: {
      'HostConfig.Dns': ['1.1.1.1'],
      'HostConfig.DnsSearch': ['a.b'],
      'HostConfig.DnsOptions': ['ndots:2'],
    },
    seen: ['grep -E "^(search|options)" /etc/resolv.conf', 'search a.b\noptions ndots:2'],
  },
  {
    options: ['--add-host', 'a:1.2.3.4'],
    shown: { 'HostConfig.ExtraHosts': ['a:1.2.3.4'] },
    seen: ['awk \'$2 == "a" {print $1}\' /etc/hosts', '1.2.3.4'],
  },
  {
    options: ['--mac-address', '02:42:ac:11:00:77'],
    seen: ['cat /sys/class/net/eth0/address', '02:42:ac:11:00:77'],
  },
  { options: ['--network', 'none'], seen: ['ls /sys/class/net', 'lo'] },
];

/** Options → Docker's words. */
const refused: readonly (readonly [options: readonly string[], message: string])[] = [
  [['--cpu-count', '2'], 'is only supported on a Docker daemon running on windows'],
  [['-m', '1m'], 'Minimum memory limit allowed is 6MB'],
  [
    ['--memory-swap', '64m'],
    'You should always set the Memory limit when using Memoryswap limit, see usage',
  ],
  [['--cpus', '1000'], 'range of CPUs is from 0.01 to'],
  [['--cpuset-cpus', 'abc'], 'Invalid value abc for cpuset cpus: invalid format: abc'],
  [
    ['--ulimit', 'nofile=200:100'],
    'ulimit soft limit must be less than or equal to hard limit: 200 > 100',
  ],
  [['--tmpfs', 't'], "invalid mount path: 't' mount path must be absolute"],
  [['-v', '/etc:/t', '-v', '/usr:/t'], 'Duplicate mount point: /t'],
  [['--mount', 'type=bind,src=/nothere,dst=/t'], 'bind source path does not exist: /nothere'],
  [['--mount', 'type=npipe,src=x,dst=/t'], 'mount type unknown'],
  [['--volume-driver', 'bogus', '-v', 'optbogus:/t'], 'plugin "bogus" not found'],
  [['--volumes-from', 'nothere'], 'No such container: nothere'],
  [['--pid', 'container:nothere'], 'No such container: nothere'],
  [['--ipc', 'container:nothere'], 'No such container: nothere'],
  [['--runtime', 'bogus'], 'unknown or invalid runtime name: bogus'],
  [['--restart', 'always:3'], "maximum retry count can only be used with 'on-failure'"],
  [['--storage-opt', 'bogus=1'], 'bogus'],
  [['--stop-signal', 'BOGUS'], 'invalid signal: BOGUS'],
  [
    ['--health-interval', '1us', '--health-cmd', 'true'],
    'Interval in Healthcheck cannot be less than 1ms',
  ],
  [['--log-driver', 'bogus'], 'error looking up logging plugin bogus: plugin "bogus" not found'],
  [['--log-opt', 'bogus=1'], "unknown log opt 'bogus' for json-file log driver"],
  [
    ['-w', 'relative'],
    "the working directory 'relative' is invalid, it needs to be an absolute path",
  ],
  [['--cap-add', 'bogus'], 'invalid CapAdd: unknown capability: "CAP_BOGUS"'],
  [['--isolation', 'hyperv'], 'invalid isolation'],
];

function valueAt(value: unknown, path: string): unknown {
  return path
    .split('.')
    .reduce<unknown>((at, key) => (at as Record<string, unknown> | null)?.[key] ?? null, value);
}

describe.skipIf(absentForDocker.length > 0)(title, () => {
  const tools = useDockerEngine();
  beforeAll(() => {
    mkdirSync(directory);
    writeFileSync(join(directory, 'env'), 'A=x\nD=4\n#c\nF=a b\n');
    writeFileSync(join(directory, 'labels'), 'l1=v1\n#c\n');
  });
  afterAll(() => {
    rmSync(directory, { recursive: true });
  });

  describe.each([
    ['resources', resources],
    ['mounts', mounts],
    ['isolation', isolation],
    ['the process', programs],
  ])('%s', (_chapter, rows) => {
    test.each(rows.map((row) => [row.options.join(' ') || 'none', row] as const))(
      '%s must be shown, and have its effect',
      async (_name, { options, shown = {}, seen }) => {
        const { docker } = tools;
        const command = ['app', 'sh', '-c', seen?.[0] ?? 'true'];
        const id = await docker.ok('create', ...options, ...command);
        const [inspected] = JSON.parse(await docker.ok('inspect', id)) as unknown[];
        for (const [path, value] of Object.entries(shown)) {
          const found = valueAt(inspected, path);
          if (Array.isArray(value)) expect(found, path).toHaveLength(value.length);
          if (Array.isArray(value) && typeof value[0] === 'object')
            expect(found, path).toMatchObject(value);
          else expect(found, path).toEqual(value);
        }
        if (seen === undefined) return;
        const { stdout, stderr } = await docker.run('start', '-a', id);
        expect(stdout.trimEnd(), stderr).toBe(seen[1]);
      },
    );
  });

  test.each(refused.map(([options, message]) => [options.join(' '), options, message] as const))(
    '%s must be refused in Docker’s words, and nothing be pulled',
    async (_name, options, message) => {
      const { code, stderr } = await tools.docker.run('create', ...options, 'app', 'true');
      expect(code).not.toBe(0);
      expect(stderr).toContain(message);
      expect(stderr).not.toContain('Unable to find image');
      expect(await tools.docker.ok('ps', '-aq')).toBe('');
    },
  );

  test('the id must be written to --cidfile', async () => {
    const path = join(tools.engine.root, 'cid');
    const id = await tools.docker.ok('create', '--cidfile', path, 'app', 'true');
    expect(readFileSync(path, 'utf8')).toBe(id);
  });
});
