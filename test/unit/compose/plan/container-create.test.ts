import { expect, test } from 'vitest';
import { serviceHash } from '../../../../compose/plan/config-hash.ts';
import { containerCreate } from '../../../../compose/plan/container-create.ts';
import type { ContainerCreateRequest } from '../../../../engine/api/index.ts';
import { loadText } from '../lib/host.ts';

function bodyOf(attributes: string): ContainerCreateRequest {
  const indented = attributes.trim().replaceAll('\n', '\n    ');
  const { project } = loadText(
    `name: shop\nservices:\n  web:\n    image: nginx\n    ${indented}\n  db: {image: redis}\nvolumes: {data: }\nnetworks: {front: , back: {name: lan}}\nsecrets: {s: {file: ./s}}\nconfigs: {c: {file: ./c}}\n`,
  );
  const service = project.services['web'];
  if (service === undefined) throw new Error('no service');
  const identity = {
    project,
    serviceName: 'web',
    service,
    number: 1,
    name: 'shop-web-1',
    imageId: 'sha256:1',
  };
  return containerCreate(identity);
}

test('a plain service must become a plain request', () => {
  const body = bodyOf('attach: true');
  const hash = body.Labels?.['com.docker.compose.config-hash'];
  expect(hash).toMatch(/^[0-9a-f]{64}$/);
  expect(body).toEqual({
    Image: 'nginx',
    Labels: {
      'com.docker.compose.project': 'shop',
      'com.docker.compose.service': 'web',
      'com.docker.compose.container-number': '1',
      'com.docker.compose.oneoff': 'False',
      'com.docker.compose.config-hash': hash,
      'com.docker.compose.image': 'sha256:1',
      'com.docker.compose.depends_on': '',
      'com.docker.compose.project.working_dir': '/shop',
      'com.docker.compose.project.config_files': '/shop/compose.yaml',
      'com.docker.compose.version': '0.1.0',
    },
    HostConfig: { NetworkMode: 'shop_default', RestartPolicy: { Name: 'no' } },
    NetworkingConfig: { EndpointsConfig: { shop_default: { Aliases: ['web', 'shop-web-1'] } } },
  });
});

type Part = Partial<ContainerCreateRequest>;

test.each<readonly [string, Part]>([
  ['hostname: h\ndomainname: d', { Hostname: 'h', Domainname: 'd' }],
  ['user: "1:2"\nworking_dir: /w', { User: '1:2', WorkingDir: '/w' }],
  ['environment: {B: 2, A: 1, C: }', { Env: ['A=1', 'B=2'] }],
  ['command: a b\nentrypoint: c', { Cmd: ['a', 'b'], Entrypoint: ['c'] }],
  ['entrypoint: []', { Entrypoint: [''] }],
  ['tty: true\nstdin_open: true', { Tty: true, OpenStdin: true }],
  ['stop_signal: SIGINT\nstop_grace_period: 1500ms', { StopSignal: 'SIGINT', StopTimeout: 2 }],
  [
    'healthcheck: {test: [CMD, x], interval: 1s, timeout: 2s, start_period: 3s, start_interval: 4s, retries: 5}',
    {
      Healthcheck: {
        Test: ['CMD', 'x'],
        Interval: 1e9,
        Timeout: 2e9,
        StartPeriod: 3e9,
        StartInterval: 4e9,
        Retries: 5,
      },
    },
  ],
  [
    'mac_address: 02:00:00:00:00:01\nnetworks: {back: , front: {priority: 1}}',
    {
      NetworkingConfig: {
        EndpointsConfig: {
          shop_front: { Aliases: ['web', 'shop-web-1'], MacAddress: '02:00:00:00:00:01' },
          lan: { Aliases: ['web', 'shop-web-1'] },
        },
      },
    },
  ],
  ['healthcheck: {disable: true}', { Healthcheck: { Test: ['NONE'] } }],
  ['expose: [80, "53-54/udp"]', { ExposedPorts: { '80/tcp': {}, '53/udp': {}, '54/udp': {} } }],
])('%s', (attributes, expected) => {
  expect(bodyOf(attributes)).toMatchObject(expected);
});

test.each<readonly [string, NonNullable<ContainerCreateRequest['HostConfig']>]>([
  [
    'ports: ["8080:80", "127.0.0.1:53:53/udp", "90"]',
    {
      PortBindings: {
        '80/tcp': [{ HostPort: '8080' }],
        '53/udp': [{ HostIp: '127.0.0.1', HostPort: '53' }],
        '90/tcp': [{ HostPort: '' }],
      },
    },
  ],
  [
    'volumes: [data:/d, ./x:/x:ro, data:/e:nocopy]',
    { Binds: ['shop_data:/d', '/shop/x:/x:ro', 'shop_data:/e:nocopy'] },
  ],
  ['volumes: [/anon]', { Mounts: [{ Type: 'volume', Target: '/anon', VolumeOptions: {} }] }],
  [
    'volumes: [{type: bind, source: /a, target: /b, bind: {create_host_path: false}}]',
    {
      Mounts: [
        { Type: 'bind', Source: '/a', Target: '/b', BindOptions: { CreateMountpoint: false } },
      ],
    },
  ],
  [
    'volumes: [{type: tmpfs, target: /t, tmpfs: {size: 1k, mode: 0700}}]',
    { Mounts: [{ Type: 'tmpfs', Target: '/t', TmpfsOptions: { SizeBytes: 1024, Mode: 448 } }] },
  ],
  ['tmpfs: ["/run:size=1m", /tmp]', { Tmpfs: { '/run': 'size=1m', '/tmp': '' } }],
  [
    'secrets: [s]\nconfigs: [c]',
    {
      Mounts: [
        { Type: 'bind', Source: '/shop/s', Target: '/run/secrets/s', ReadOnly: true },
        { Type: 'bind', Source: '/shop/c', Target: '/c', ReadOnly: true },
      ],
    },
  ],
  ['restart: on-failure:3', { RestartPolicy: { Name: 'on-failure', MaximumRetryCount: 3 } }],
  ['deploy: {restart_policy: {condition: any}}', { RestartPolicy: { Name: 'always' } }],
  ['deploy: {restart_policy: {condition: none, delay: 1s}}', { RestartPolicy: { Name: 'no' } }],
  [
    'deploy: {restart_policy: {delay: 1.5s, window: 1m}}',
    { RestartPolicy: { Name: 'always', Delay: 1.5e9, Window: 60e9 } },
  ],
  [
    'deploy: {restart_policy: {max_attempts: 3}}',
    { RestartPolicy: { Name: 'on-failure', MaximumRetryCount: 3, AfterSuccess: true } },
  ],
  [
    'deploy: {restart_policy: {condition: on-failure, max_attempts: 3, window: 5s}}',
    { RestartPolicy: { Name: 'on-failure', MaximumRetryCount: 3, Window: 5e9 } },
  ],
  [
    'deploy: {restart_policy: {condition: unless-stopped}}',
    { RestartPolicy: { Name: 'unless-stopped' } },
  ],
  ['cpus: 0.5\nmem_limit: 64m', { NanoCpus: 500_000_000, Memory: 67_108_864 }],
  [
    'deploy: {resources: {limits: {cpus: "2", memory: 1g, pids: 9}}}',
    { NanoCpus: 2e9, Memory: 1_073_741_824, PidsLimit: 9 },
  ],
  [
    'privileged: true\nread_only: true\ncap_add: [X]\ncap_drop: [ALL]',
    { Privileged: true, ReadonlyRootfs: true, CapAdd: ['X'], CapDrop: ['ALL'] },
  ],
  [
    'init: true\nshm_size: 1m\nsysctls: {a.b: 1}',
    { Init: true, ShmSize: 1_048_576, Sysctls: { 'a.b': '1' } },
  ],
  [
    'ulimits: {nofile: {soft: 1, hard: 2}, nproc: 3}',
    {
      Ulimits: [
        { Name: 'nofile', Soft: 1, Hard: 2 },
        { Name: 'nproc', Soft: 3, Hard: 3 },
      ],
    },
  ],
  [
    'devices: [/dev/null]',
    {
      Devices: [
        { PathOnHost: '/dev/null', PathInContainer: '/dev/null', CgroupPermissions: 'rwm' },
      ],
    },
  ],
  [
    'extra_hosts: ["a=1.2.3.4", "b=::1"]\ndns: 1.1.1.1',
    { ExtraHosts: ['a:1.2.3.4', 'b:::1'], Dns: ['1.1.1.1'] },
  ],
  ['network_mode: service:db', { NetworkMode: 'container:shop-db-1' }],
  ['pid: service:db', { PidMode: 'container:shop-db-1' }],
  [
    'logging: {driver: local, options: {max-size: 1m}}',
    { LogConfig: { Type: 'local', Config: { 'max-size': '1m' } } },
  ],
])('%s', (attributes, expected) => {
  expect(bodyOf(attributes).HostConfig).toMatchObject(expected);
});

test('a service on several networks must join them by priority under all its names', () => {
  const body = bodyOf(
    'networks: {front: , back: {priority: 1, aliases: [x], ipv4_address: 10.0.0.2}}',
  );
  expect(body.HostConfig?.NetworkMode).toBe('lan');
  expect(body.NetworkingConfig?.EndpointsConfig).toEqual({
    lan: { Aliases: ['web', 'shop-web-1', 'x'], IPAMConfig: { IPv4Address: '10.0.0.2' } },
    shop_front: { Aliases: ['web', 'shop-web-1'] },
  });
});

test('with the network of the host nothing must be published', () => {
  const body = bodyOf('network_mode: host\nports: ["80:80"]');
  expect(body.HostConfig?.PortBindings).toBeUndefined();
  expect(body.NetworkingConfig).toBeUndefined();
});

test('the hash must not depend on the order of keys', () => {
  const hash = (text: string): string => {
    const { project } = loadText(text);
    const service = project.services['a'];
    return service === undefined ? '' : serviceHash(service, project);
  };
  expect(hash('services: {a: {image: x, tty: true, labels: {b: 1, a: 2}}}')).toBe(
    hash('services: {a: {tty: true, labels: [a=2, b=1], image: x}}'),
  );
});
