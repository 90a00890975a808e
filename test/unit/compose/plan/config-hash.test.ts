import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import type { Project, Service } from '../../../../compose/index.ts';
import { networkHash, serviceHash, volumeHash } from '../../../../compose/plan/config-hash.ts';
import { type FakeHostOptions, loadText } from '../lib/host.ts';

function hashOf(text: string, options: Parameters<typeof loadText>[1] = {}): string {
  const { project } = loadText(text, options);
  return serviceHash(required(project.services['a']), project);
}

function required<T>(value: T | undefined): T {
  if (value === undefined) throw new TypeError('it is not there');
  return value;
}

/** What docker compose 2.40.3 prints with `config --hash`. */
test('the hash of a service without files must be that of docker compose', () => {
  expect(hashOf('services: {a: {image: i}}')).toBe(
    'b5503d15e9dfd8640ebae91969f22360eac34b863c420e1f1dfaa304737b96ce',
  );
});

describe('must not change with', () => {
  const base = 'image: i, deploy: {mode: replicated}';
  test.each([
    ['build', 'image: i, deploy: {mode: replicated}, build: .'],
    ['pull_policy', `${base}, pull_policy: always`],
    ['scale', `${base}, scale: 3`],
    ['deploy.replicas', 'image: i, deploy: {mode: replicated, replicas: 3}'],
    ['depends_on', `${base}, depends_on: {b: {condition: service_healthy, restart: true}}`],
    ['profiles', `${base}, profiles: [p]`],
    ['x-…', `${base}, x-note: y`],
    ['the order of keys', 'deploy: {mode: replicated}, image: i'],
  ])('%s', (_name, attributes) => {
    const options = { request: { profiles: ['*'] } };
    const of = (text: string): string => hashOf(`services: {b: {image: b}, a: {${text}}}`, options);
    expect(of(attributes)).toBe(of(base));
  });

  test('a deploy section that has nothing but replicas', () => {
    expect(hashOf('services: {a: {image: i, deploy: {replicas: 2}}}')).toBe(
      hashOf('services: {a: {image: i}}'),
    );
  });

  test('another service', () => {
    expect(hashOf('services: {a: {image: i}, b: {image: j}}')).toBe(
      hashOf('services: {a: {image: i}, b: {image: k, tty: true}}'),
    );
  });

  test('the label of a secret', () => {
    const of = (labels: string): string =>
      hashOf(`
services: {a: {image: i, secrets: [s]}}
secrets: {s: {file: ./s${labels}}}
`);
    expect(of(', labels: {x: y}')).toBe(of(''));
  });
});

const everything = readFileSync(
  new URL('../../../fixtures/every-attribute.yaml', import.meta.url),
  'utf8',
);

type Tree = Readonly<Record<string, unknown>>;

/** Every way of changing one value of a tree, with the path to it. */
function changes(tree: Tree, path = ''): { readonly path: string; readonly changed: unknown }[] {
  return Object.entries(tree).flatMap(([key, value]: readonly [string, unknown]) => {
    const at = path === '' ? key : `${path}.${key}`;
    const put = (item: unknown): unknown => {
      const copy = Array.isArray(tree) ? [...(tree as unknown[])] : { ...tree };
      return Object.assign(copy, { [key]: item });
    };
    if (typeof value === 'object' && value !== null && Object.keys(value).length > 0) {
      const inner = changes(value as Tree, at);
      return inner.map((change) => ({ path: change.path, changed: put(change.changed) }));
    }
    return [{ path: at, changed: put(other(value)) }];
  });
}

function other(value: unknown): unknown {
  if (typeof value === 'boolean') return !value;
  if (typeof value === 'number') return value + 1;
  if (typeof value === 'string') return `${value}x`;
  if (value === null) return 'x';
  return Array.isArray(value) ? ['x'] : null;
}

function isOfContainer(path: string): boolean {
  if (path.includes('.x-') || path.startsWith('x-')) return false;
  if (path === 'deploy.replicas') return false;
  return !/^(build|pull_policy|scale|depends_on|profiles)(\.|$)/u.test(path);
}

describe('of everything that the schema knows', () => {
  const { project } = loadText(everything, { request: { allResources: true } });
  const service = required(project.services['one']);
  const before = serviceHash(service, project);
  const all = changes(service);

  test('the fixture must have every attribute of a service', () => {
    const schema = JSON.parse(
      readFileSync(
        new URL('../../../../compose/schema/compose.schema.json', import.meta.url),
        'utf8',
      ),
    ) as {
      properties: { services: { patternProperties: Record<string, { properties: object }> } };
    };
    const [definition] = Object.values(schema.properties.services.patternProperties);
    const properties = required(definition).properties;
    const consumed = [
      'env_file',
      'extends',
      'label_file',
      'network_mode',
      'profiles',
      'pull_refresh_after',
    ];
    const known = Object.keys(properties).filter((name) => !consumed.includes(name));
    expect(known.filter((name) => service[name as keyof Service] === undefined)).toEqual([]);
  });

  test('each must change the hash exactly where the container is another', () => {
    const wrong = all.filter(({ path, changed }) => {
      const hasChanged = serviceHash(changed as Service, project) !== before;
      return hasChanged !== isOfContainer(path);
    });
    expect(wrong.map(({ path }) => path)).toEqual([]);
    expect(all.length).toBeGreaterThan(200);
  });

  test.each([
    [
      'network',
      changes(required(project.networks['net']) as unknown as Tree),
      networkHash,
      project.networks['net'],
    ],
    [
      'volume',
      changes(required(project.volumes['vol']) as unknown as Tree),
      volumeHash,
      project.volumes['vol'],
    ],
  ] as const)('each must change the hash of a %s', (_kind, changed, hash, resource) => {
    const of = hash as (value: unknown) => string;
    const same = changed.filter((change) => of(change.changed) === of(resource));
    expect(same.map(({ path }) => path).filter((path) => !/(^|\.)x-/u.test(path))).toEqual([]);
  });
});

describe('the content of what a service is given', () => {
  const files = (content: string): Readonly<Record<string, string>> => ({ '/shop/f': content });
  const withSecret = (secret: string): string =>
    `services: {a: {image: i, secrets: [s]}}\nsecrets: {s: ${secret}}`;
  const withConfig = (config: string): string =>
    `services: {a: {image: i, configs: [c]}}\nconfigs: {c: ${config}}`;
  const withEnvFile = 'services: {a: {image: i, env_file: [./f]}}';

  test.each<readonly [string, string, FakeHostOptions, string, FakeHostOptions]>([
    [
      'the file of a secret',
      withSecret('{file: ./f}'),
      { files: files('1') },
      withSecret('{file: ./f}'),
      { files: files('2') },
    ],
    [
      'a file that appears',
      withSecret('{file: ./f}'),
      {},
      withSecret('{file: ./f}'),
      { files: files('') },
    ],
    [
      'the file of a config',
      withConfig('{file: ./f}'),
      { files: files('1') },
      withConfig('{file: ./f}'),
      { files: files('2') },
    ],
    ['the text of a config', withConfig('{content: a}'), {}, withConfig('{content: b}'), {}],
    [
      'a variable behind a secret',
      withSecret('{environment: V}'),
      { environment: { V: '1' } },
      withSecret('{environment: V}'),
      { environment: { V: '2' } },
    ],
    [
      'a variable that is set',
      withSecret('{environment: V}'),
      {},
      withSecret('{environment: V}'),
      { environment: { V: '' } },
    ],
    ['an env file', withEnvFile, { files: files('A=1') }, withEnvFile, { files: files('A=2') }],
    [
      'an external name',
      withConfig('{external: true, name: x}'),
      {},
      withConfig('{external: true, name: y}'),
      {},
    ],
  ])('%s must change the hash', (_name, before, beforeOptions, after, afterOptions) => {
    expect(hashOf(after, afterOptions)).not.toBe(hashOf(before, beforeOptions));
  });

  test('must be asked for only when a hash is', () => {
    const digests: string[] = [];
    const { project } = loadText(withSecret('{file: ./f}'), { files: files('1') });
    const counted: Project = {
      ...project,
      fileDigest: (path) => {
        digests.push(path);
        return null;
      },
    };
    serviceHash(required(counted.services['a']), counted);
    expect(digests).toEqual(['/shop/f']);
  });
});
