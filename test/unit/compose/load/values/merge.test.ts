import { describe, expect, test } from 'vitest';
import { errorText, loadText } from '../../lib/host.ts';

const resources = `networks: { net: }
volumes: { data: }
secrets: { s: { file: ./s }, s2: { file: ./s2 } }
configs: { c: { file: ./c }, c2: { file: ./c2 } }
models: { mod: { model: m } }
`;

/** One attribute of service "a" in two files, and what the first one's name then is in the model. */
function merged(name: string, base: string, over: string): unknown {
  const [head = '', ...inner] = name.split('.');
  const nested = (value: string): string =>
    inner.reduceRight((text, key) => `{${key}: ${text}}`, value);
  const file = (value: string): string => `    ${head}: ${nested(value)}\n`;
  const { project } = load(
    `services:\n  b: { image: y }\n  a:\n    image: x\n${file(base)}${resources}`,
    `services:\n  a:\n${file(over)}`,
  );
  return inner.reduce<unknown>(
    (value, key) => (value as Readonly<Record<string, unknown>>)[key],
    (project.services['a'] as unknown as Readonly<Record<string, unknown>>)[head],
  );
}

function load(base: string, over: string): ReturnType<typeof loadText> {
  return loadText(base, {
    files: {
      '/shop/over.yaml': over,
      '/shop/e.env': 'E=1\n',
      '/shop/f.env': 'E=2\nF=3\n',
    },
    request: { files: ['compose.yaml', 'over.yaml'], allResources: true },
  });
}

const port = (own: object): unknown => ({ mode: 'ingress', protocol: 'tcp', target: 80, ...own });
const secret = (source: string, target: string): unknown => ({ source, target });
const started = { condition: 'service_started', required: true };
const device = (source: string): unknown => ({ source, target: '/dev/a', permissions: 'rwm' });

/** Attribute, the first file, the second, the model: compose-spec 13-merge.md. */
describe.each<readonly [string, readonly (readonly [string, string, string, unknown])[]]>([
  [
    'commands are replaced whatever their form',
    [
      ['command', 'a b', '[c]', ['c']],
      ['command', '[a]', '""', []],
      ['command', 'a', 'null', null],
      ['entrypoint', '[a]', 'b c', ['b', 'c']],
      [
        'healthcheck',
        '{test: a, interval: 5s}',
        '{test: [CMD, b]}',
        { test: ['CMD', 'b'], interval: '5s' },
      ],
    ],
  ],
  [
    'pairs are merged by key in either form',
    [
      ['environment', '[K=1, L=2]', '{K: x, M: 5}', { K: 'x', L: '2', M: '5' }],
      ['environment', '{K: 1, L: 2}', '[L=]', { K: '1', L: '' }],
      // Without a value a variable is the caller's again.
      ['environment', '{K: 1}', '[K]', { K: null }],
      ['environment', '[K=1]', '{K: }', { K: null }],
      ['environment', '{K: 1}', 'null', { K: '1' }],
      ['labels', '[K=1, L=2]', '{K: }', { K: '', L: '2' }],
      ['annotations', '{K: 1}', '[L]', { K: '1', L: '' }],
      ['sysctls', '[K=1]', '[K=2]', { K: '2' }],
      ['build.args', '[A=2]', '{A: 3, B: 4}', { A: '3', B: '4' }],
      ['build.labels', '{A: 1}', '[A=2]', { A: '2' }],
      ['build.additional_contexts', '[a=b]', '{a: c, d: e}', { a: '/shop/c', d: '/shop/e' }],
      ['deploy.labels', '[a=b]', '{a: c}', { a: 'c' }],
    ],
  ],
  [
    'lists are appended, and each thing is there once',
    [
      ['cap_add', '[A, B]', '[B, C]', ['A', 'B', 'C']],
      ['dns', '1.1.1.1', '[2.2.2.2, 1.1.1.1]', ['1.1.1.1', '2.2.2.2']],
      ['dns_search', '[a]', 'b', ['a', 'b']],
      ['tmpfs', '/t', '[/u, /t]', ['/t', '/u']],
      ['expose', '[80]', '["80", 81]', ['80', '81']],
      ['links', '[b]', '["b:c", b]', ['b', 'b:c']],
      ['extra_hosts', '["h:1.1.1.1"]', '{h: 2.2.2.2}', ['h=1.1.1.1', 'h=2.2.2.2']],
      ['extra_hosts', '["h=1.1.1.1"]', '["h=1.1.1.1"]', ['h=1.1.1.1']],
      ['build.tags', '[a]', '[a, b]', ['a', 'b']],
      ['build.ssh', '[default]', '{default: }', ['default']],
      ['security_opt', '[a]', '[b]', ['a', 'b']],
    ],
  ],
  [
    'what has a place in the container is replaced there',
    [
      ['ports', '["80:80"]', '["80:80"]', [port({ published: '80' })]],
      [
        'ports',
        '["8080:80"]',
        '["9090:80"]',
        [port({ published: '8080' }), port({ published: '9090' })],
      ],
      [
        'ports',
        '["80:80"]',
        '[{target: 80, published: "80", name: web}]',
        [port({ published: '80', name: 'web' })],
      ],
      [
        'ports',
        '["80:80"]',
        '["127.0.0.1:80:80"]',
        [port({ published: '80' }), port({ published: '80', host_ip: '127.0.0.1' })],
      ],
      [
        'volumes',
        '["/a:/d", "/b:/e"]',
        '["data:/d"]',
        [
          { type: 'volume', source: 'data', target: '/d', volume: {} },
          { type: 'bind', source: '/b', target: '/e', bind: { create_host_path: true } },
        ],
      ],
      [
        'volumes',
        '["/a:/d"]',
        '["/b:/d/"]',
        [{ type: 'bind', source: '/b', target: '/d', bind: { create_host_path: true } }],
      ],
      [
        'secrets',
        '[s]',
        '[{source: s2, target: /run/secrets/s}]',
        [secret('s2', '/run/secrets/s')],
      ],
      [
        'secrets',
        '[s]',
        '[{source: s, target: t}]',
        [secret('s', '/run/secrets/s'), secret('s', 't')],
      ],
      ['configs', '[c]', '[{source: c2, target: /c}]', [secret('c2', '/c')]],
      ['devices', '["/dev/a"]', '["/dev/b:/dev/a"]', [device('/dev/b')]],
    ],
  ],
  [
    'names become maps before they are merged',
    [
      [
        'depends_on',
        '[b]',
        '{b: {condition: service_healthy}}',
        { b: { ...started, condition: 'service_healthy' } },
      ],
      // What the later file leaves open stays as it was.
      [
        'depends_on',
        '{b: {condition: service_started, required: false, restart: true}}',
        '{b: {condition: service_healthy}}',
        { b: { condition: 'service_healthy', required: false, restart: true } },
      ],
      [
        'depends_on',
        '{b: {condition: service_healthy, restart: true}}',
        '[b]',
        { b: { ...started, restart: true } },
      ],
      ['networks', '[net]', '{net: {aliases: [a]}}', { net: { aliases: ['a'] } }],
      [
        'networks',
        '{net: {aliases: [a], priority: 5}}',
        '{net: {aliases: [b, a]}}',
        { net: { aliases: ['a', 'b'], priority: 5 } },
      ],
      ['networks', '{net: {priority: 5}}', '[net]', { net: { priority: 5 } }],
      ['models', '[mod]', '{mod: {endpoint_var: A}}', { mod: { endpoint_var: 'A' } }],
    ],
  ],
  [
    'maps are merged key by key',
    [
      ['build', './a', '{dockerfile: D}', { context: '/shop/a', dockerfile: 'D' }],
      ['build', '{dockerfile: D}', './a', { context: '/shop/a', dockerfile: 'D' }],
      [
        'logging',
        '{driver: a, options: {x: 1}}',
        '{options: {y: 2}}',
        { driver: 'a', options: { x: '1', y: '2' } },
      ],
      ['logging', '{driver: a, options: {x: 1}}', '{driver: b}', { driver: 'b' }],
      ['ulimits', '{n: 1, m: 2}', '{n: {soft: 1, hard: 2}}', { n: { soft: 1, hard: 2 }, m: 2 }],
      ['ulimits', '{n: {soft: 1, hard: 2}}', '{n: 5}', { n: 5 }],
      ['build.ulimits', '{n: 1}', '{n: {soft: 1, hard: 2}}', { n: { soft: 1, hard: 2 } }],
      [
        'provider',
        '{type: p, options: {x: 1, y: [1]}}',
        '{type: p, options: {x: 2, y: [2]}}',
        { type: 'p', options: { x: ['2'], y: ['1', '2'] } },
      ],
      [
        'deploy.placement',
        '{constraints: [a]}',
        '{constraints: [b], max_replicas_per_node: 1}',
        { constraints: ['a', 'b'], max_replicas_per_node: 1 },
      ],
      ['x-mine', '1', '{a: 1}', { a: 1 }],
    ],
  ],
  [
    'tags',
    [
      ['ports', '["80:80"]', '!reset []', undefined],
      ['ports', '["80:80"]', '!override ["81:81"]', [port({ target: 81, published: '81' })]],
      ['environment', '{A: 1}', '!override {B: 2}', { B: '2' }],
      ['build.args', '{A: 1}', '!reset null', undefined],
      ['command', '[a]', '!reset null', null],
    ],
  ],
])('%s', (_heading, rows) => {
  test.each(rows)('%s: %s × %s', (name, base, over, expected) => {
    expect(merged(name, base, over)).toEqual(expected);
  });
});

test('env files are read in the order of the files, the last wins', () => {
  const { project } = load(
    'services: {a: {image: x, env_file: e.env}}',
    'services: {a: {env_file: [f.env]}}',
  );
  expect(project.services['a']?.environment).toEqual({ E: '2', F: '3' });
});

test.each<readonly [string, string, unknown]>([
  // A later file says which pools there are.
  ['[{subnet: 10.0.0.0/24}]', '[{subnet: 10.1.0.0/24}]', [{ subnet: '10.1.0.0/24' }]],
  [
    '[{subnet: 10.0.0.0/24, gateway: 10.0.0.1}]',
    '[{subnet: 10.0.0.0/24, ip_range: 10.0.0.128/25}, {subnet: 10.5.0.0/24}]',
    [
      { subnet: '10.0.0.0/24', gateway: '10.0.0.1', ip_range: '10.0.0.128/25' },
      { subnet: '10.5.0.0/24' },
    ],
  ],
])('pools of a network: %s × %s', (base, over, expected) => {
  const network = (pools: string): string => `networks: {net: {ipam: {config: ${pools}}}}\n`;
  const { project } = load(`services: {a: {image: x}}\n${network(base)}`, network(over));
  expect(project.networks['net']?.ipam.config).toEqual(expected);
});

test.each([
  ['cap_add: [A]', 'cap_add: {a: b}'],
  ['deploy: {placement: {constraints: [a]}}', 'deploy: {placement: {constraints: a}}'],
  ['healthcheck: {test: a}', 'healthcheck: [a]'],
])('%s × %s must be refused', (base, over) => {
  const text = errorText(() =>
    load(`services: {a: {image: x, ${base}}}`, `services: {a: {${over}}}`),
  );
  expect(text).toContain('error[conflicting-attributes]');
  expect(text).toContain('over.yaml:1:');
});
