import { describe, expect, test } from 'vitest';
import { loadText } from '../lib/host.ts';

/** The service "a" of a project with these attributes, without what every service has. */
function service(attributes: string, environment: Record<string, string> = {}): unknown {
  const indented = attributes.replaceAll('\n', '\n    ');
  const text = `services:\n  a:\n    image: x\n    ${indented}\n  b: {image: y}\nvolumes: {data: }\nnetworks: {front: , back: }\nsecrets: {s: {file: ./s}}\n`;
  const { project } = loadText(text, { environment });
  const { image, command, entrypoint, networks, ...rest } = project.services[
    'a'
  ] as unknown as Record<string, unknown>;
  const extra = { command, entrypoint, networks };
  const isDefault = { command: null, entrypoint: null, networks: { default: null } };
  const differs = Object.entries(extra).filter(
    ([key, value]) =>
      JSON.stringify(value) !== JSON.stringify(isDefault[key as keyof typeof isDefault]),
  );
  expect(image).toBe('x');
  return { ...rest, ...Object.fromEntries(differs) };
}

/** Short syntax → long, by the headings of compose-spec 05-services. */
describe.each<readonly [string, readonly (readonly [string, unknown])[]]>([
  [
    'ports',
    [
      ['ports: ["80"]', { ports: [port({ target: 80 })] }],
      ['ports: [80]', { ports: [port({ target: 80 })] }],
      [
        'ports: ["8080:80/udp"]',
        { ports: [port({ target: 80, published: '8080', protocol: 'udp' })] },
      ],
      [
        'ports: ["127.0.0.1:8080:80"]',
        { ports: [port({ host_ip: '127.0.0.1', target: 80, published: '8080' })] },
      ],
      [
        'ports: ["[::1]:8080:80"]',
        { ports: [port({ host_ip: '::1', target: 80, published: '8080' })] },
      ],
      ['ports: ["127.0.0.1::80"]', { ports: [port({ host_ip: '127.0.0.1', target: 80 })] }],
      [
        'ports: ["8000-8001:80-81"]',
        {
          ports: [port({ target: 80, published: '8000' }), port({ target: 81, published: '8001' })],
        },
      ],
      ['ports: ["8000-8010:80"]', { ports: [port({ target: 80, published: '8000-8010' })] }],
      ['ports: ["80-81"]', { ports: [port({ target: 80 }), port({ target: 81 })] }],
      [
        'ports: [{target: 80, published: 8080}]',
        { ports: [port({ target: 80, published: '8080' })] },
      ],
      ['ports: ["80:80", "80:80"]', { ports: [port({ target: 80, published: '80' })] }],
    ],
  ],
  [
    'volumes',
    [
      [
        'volumes: [data:/d]',
        { volumes: [{ type: 'volume', source: 'data', target: '/d', volume: {} }] },
      ],
      [
        'volumes: [data:/d/:ro]',
        {
          volumes: [{ type: 'volume', source: 'data', target: '/d', read_only: true, volume: {} }],
        },
      ],
      [
        'volumes: [data:/d:nocopy]',
        { volumes: [{ type: 'volume', source: 'data', target: '/d', volume: { nocopy: true } }] },
      ],
      ['volumes: [/anon]', { volumes: [{ type: 'volume', target: '/anon', volume: {} }] }],
      ['volumes: [./src:/app]', { volumes: [bind('/shop/src', '/app')] }],
      ['volumes: [~/x:/app]', { volumes: [bind('/home/ada/x', '/app')] }],
      ['volumes: [../up:/app]', { volumes: [bind('/up', '/app')] }],
      [
        'volumes: ["/a:/b:ro,z,rslave"]',
        {
          volumes: [
            {
              ...bind('/a', '/b'),
              read_only: true,
              bind: { create_host_path: true, selinux: 'z', propagation: 'rslave' },
            },
          ],
        },
      ],
      ['volumes: ["./a:/x", "./b:/x"]', { volumes: [bind('/shop/b', '/x')] }],
      [
        'volumes: [{type: tmpfs, target: /t, tmpfs: {size: 1m, mode: 01777}}]',
        { volumes: [{ type: 'tmpfs', target: '/t', tmpfs: { size: '1048576', mode: 1023 } }] },
      ],
    ],
  ],
  [
    'environment',
    [
      ['environment: [A=1, B, C=]', { environment: { A: '1', B: null, C: '' } }],
      [
        'environment: {A: 1, B: , C: true, D: 1.10, E: 1e3, F: 0777}',
        { environment: { A: '1', B: null, C: 'true', D: '1.1', E: '1000', F: '511' } },
      ],
      ['environment: [HOST]', { environment: { HOST: 'known' } }],
      ['environment: {A: a=b}', { environment: { A: 'a=b' } }],
    ],
  ],
  [
    'command and entrypoint',
    [
      ['command: echo "a b" \'$$c\' d\\ e', { command: ['echo', 'a b', '$c', 'd e'] }],
      ['command: ""', { command: [] }],
      ['command: []', { command: [] }],
      ['entrypoint: /run --now', { entrypoint: ['/run', '--now'] }],
    ],
  ],
  [
    'depends_on',
    [
      ['depends_on: [b]', { depends_on: { b: { condition: 'service_started', required: true } } }],
      [
        'links: [b:alias]',
        {
          links: ['b:alias'],
          depends_on: { b: { condition: 'service_started', restart: true, required: true } },
        },
      ],
      [
        'pid: service:b',
        {
          pid: 'service:b',
          depends_on: { b: { condition: 'service_started', restart: true, required: true } },
        },
      ],
    ],
  ],
  [
    'networks',
    [
      ['networks: [front, back]', { networks: { front: null, back: null } }],
      ['networks: {front: {aliases: [x]}}', { networks: { front: { aliases: ['x'] } } }],
      ['network_mode: host', { network_mode: 'host', networks: undefined }],
    ],
  ],
  [
    'healthcheck',
    [
      [
        'healthcheck: {test: curl x, interval: 90s}',
        { healthcheck: { test: ['CMD-SHELL', 'curl x'], interval: '1m30s' } },
      ],
      ['healthcheck: {disable: true}', { healthcheck: { disable: true } }],
    ],
  ],
  [
    'numbers, sizes and booleans',
    [
      ['mem_limit: 50m', { mem_limit: '52428800' }],
      ['memswap_limit: -1', { memswap_limit: '-1' }],
      ['cpus: "0.50"', { cpus: 0.5 }],
      [
        'ulimits: {nofile: 10, nproc: {soft: 1, hard: "2"}}',
        { ulimits: { nofile: 10, nproc: { soft: 1, hard: 2 } } },
      ],
      ['privileged: "yes"', { privileged: true }],
      ['tty: false', {}],
      ['init: false', { init: false }],
      ['stop_grace_period: 1m', { stop_grace_period: '1m0s' }],
    ],
  ],
  [
    'lists and maps',
    [
      ['dns: 8.8.8.8', { dns: ['8.8.8.8'] }],
      ['tmpfs: /run', { tmpfs: ['/run'] }],
      ['expose: [80, "81/udp"]', { expose: ['80', '81/udp'] }],
      ['labels: [a=b, c]', { labels: { a: 'b', c: '' } }],
      ['labels: {a: 1, b: }', { labels: { a: '1', b: '' } }],
      ['extra_hosts: ["h:1.2.3.4", "i=[::1]"]', { extra_hosts: ['h=1.2.3.4', 'i=::1'] }],
      [
        'devices: [/dev/null]',
        { devices: [{ source: '/dev/null', target: '/dev/null', permissions: 'rwm' }] },
      ],
      ['secrets: [s]', { secrets: [{ source: 's', target: '/run/secrets/s' }] }],
      [
        'secrets: [{source: s, mode: 0440}]',
        { secrets: [{ source: 's', mode: '0440', target: '/run/secrets/s' }] },
      ],
      ['gpus: all', { gpus: [{ count: -1 }] }],
    ],
  ],
  [
    'build',
    [
      ['build: ./dir', { build: { context: '/shop/dir', dockerfile: 'Dockerfile' } }],
      [
        'build: {args: [A, HOST, B=1]}',
        { build: { context: '/shop', dockerfile: 'Dockerfile', args: { HOST: 'known', B: '1' } } },
      ],
      [
        'build: https://host/repo.git#main',
        { build: { context: 'https://host/repo.git#main', dockerfile: 'Dockerfile' } },
      ],
    ],
  ],
])('%s', (_heading, rows) => {
  test.each(rows)('%s', (attributes, expected) => {
    const wanted = expected as Record<string, unknown>;
    expect(service(attributes, { HOST: 'known' })).toEqual(wanted);
  });
});

function port(own: Record<string, unknown>): Record<string, unknown> {
  return { mode: 'ingress', protocol: 'tcp', ...own };
}

function bind(source: string, target: string): Record<string, unknown> {
  return { type: 'bind', source, target, bind: { create_host_path: true } };
}
