import { readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { configCommand } from '../../../../cli/commands/config.ts';
import type { Context } from '../../../../cli/context.ts';
import { writeFileWhole } from '../../../../cli/write-file.ts';
import { loadModel, loadProject, serviceHash } from '../../../../compose/index.ts';
import { tempDir } from '../../../lib/temp-dir.ts';
import { fakeHost } from '../../compose/lib/host.ts';
import { fakeContext } from './fake-context.ts';

const text = `
name: shop
services:
  web:
    image: web:\${TAG:-1}
    depends_on: [api]
    networks: [front]
  api:
    build: .
    models: [m]
    volumes: ['data:/d']
  db: {image: 'web:1', profiles: [p, q]}
networks: {front: {}, unused: {}}
volumes: {data: {}}
models: {m: {model: ai/m}}
`;

async function run(request: object, file = text): Promise<string> {
  const files = { '/shop/compose.yaml': file };
  const environment = { HOME: '/h', B: '2' };
  const host = fakeHost({ files, environment });
  const base = { workingDirectory: '/shop' };
  const context = fakeContext({});
  const loading: Pick<Context, 'project' | 'model'> = {
    project: (options) => Promise.resolve(loadProject({ ...base, ...options }, host).project),
    model: (skip) => Promise.resolve(loadModel({ ...base, skip }, host).model),
  };
  const code = await configCommand.run(request, { ...context, ...loading });
  expect(code).toBeUndefined();
  return context.stdout();
}

describe('a list', () => {
  test.each<readonly [string, object, string]>([
    ['services, after what they need', { listServices: true }, 'api\nweb\n'],
    ['services, all, whichever are named', { listServices: true, services: ['api'] }, 'api\nweb\n'],
    ['services of a typed model', { listServices: true, noInterpolate: true }, 'api\ndb\nweb\n'],
    ['volumes', { listVolumes: true }, 'data\n'],
    ['volumes of what is named', { listVolumes: true, services: ['db'] }, ''],
    ['networks that are used', { listNetworks: true }, 'default\nfront\n'],
    ['networks of what is named', { listNetworks: true, services: ['api'] }, 'default\n'],
    ['models', { listModels: true }, 'ai/m\n'],
    ['profiles', { listProfiles: true }, 'p\nq\n'],
    ['images, one for each service', { listImages: true }, 'shop-api\nweb:1\n'],
    [
      'images as typed',
      { listImages: true, noInterpolate: true },
      'shop-api\nweb:1\nweb:${TAG:-1}\n',
    ],
    [
      'the environment',
      { environment: true },
      'B=2\nCOMPOSE_PROJECT_NAME=shop\nHOME=/h\nPWD=/shop\n',
    ],
    ['nothing when quiet', { listServices: true, quiet: true }, ''],
    [
      'variables',
      { variables: true },
      'NAME                REQUIRED            DEFAULT VALUE       ALTERNATE VALUE\n' +
        'TAG                 false               1                   \n',
    ],
  ])('of %s', async (_name, request, expected) => {
    expect(await run(request)).toBe(expected);
  });

  test('of variables must be there for a file that is wrong', async () => {
    const wrong = 'services: {a: {image: "${I:?}", foo: "${F}"}}';
    const found = JSON.parse(await run({ variables: true, format: 'json' }, wrong)) as object;
    expect(Object.keys(found)).toEqual(['F', 'I']);
  });
});

test('what engines alone refuse must be shown', async () => {
  const shown = await run({}, 'services: {a: {image: x, restart: sometimes}}');
  expect(shown).toContain('restart: sometimes');
});

describe('--hash', () => {
  const { project } = loadProject(
    { workingDirectory: '/shop' },
    fakeHost({ files: { '/shop/compose.yaml': text } }),
  );
  const lines = Object.entries(project.services).map(
    ([name, service]) => `${name} ${serviceHash(service, project)}\n`,
  );

  test('must print what the plan writes on containers', async () => {
    expect(await run({ hash: '*' })).toBe(lines.sort().join(''));
    expect(await run({ hash: 'web,api' })).toBe(lines.sort().join(''));
    expect(await run({ hash: 'web' })).toBe(lines.find((line) => line.startsWith('web')));
  });

  test('must refuse a service that is not there', async () => {
    await expect(run({ hash: 'wep' })).rejects.toThrow('no such service: wep');
  });
});

test('named services must come with what they need and nothing else', async () => {
  expect(await run({ services: ['api'] })).toBe(`name: shop
services:
  api:
    build:
      context: /shop
      dockerfile: Dockerfile
    models:
      m: null
    networks:
      default: null
    volumes:
      - type: volume
        source: data
        target: /d
        volume: {}
networks:
  default:
    name: shop_default
volumes:
  data:
    name: shop_data
models:
  m:
    model: ai/m
`);
});

test('naming a service must activate its profiles', async () => {
  expect(await run({ services: ['db'], listImages: true })).toBe('web:1\n');
});

test('json must end without a line break, as scripts compare it', async () => {
  expect((await run({ format: 'json' })).endsWith('}')).toBe(true);
});

test('a table of the whole must be refused', async () => {
  await expect(run({ format: 'table' })).rejects.toThrow('--format table is for --variables');
});

describe('--output', () => {
  test('must replace a file whole, behind a link as well, and keep its mode', async () => {
    await using dir = await tempDir();
    const [file, link] = [join(dir.path, 'out.yaml'), join(dir.path, 'link')];
    writeFileSync(file, 'before', { mode: 0o640 });
    symlinkSync('out.yaml', link);
    const before = statSync(file).ino;
    writeFileWhole(link, 'after');
    expect(readFileSync(file, 'utf8')).toBe('after');
    expect(statSync(file).mode & 0o777).toBe(0o640);
    expect(statSync(file).ino).not.toBe(before);
    expect(readdirSync(dir.path).sort()).toEqual(['link', 'out.yaml']);
  });

  test('must write to what is no file, and name what it cannot write', async () => {
    await using dir = await tempDir();
    writeFileWhole('/dev/null', 'x');
    const missing = join(dir.path, 'no', 'out');
    expect(() => {
      writeFileWhole(missing, 'x');
    }).toThrow(`cannot write "${missing}": its directory does not exist`);
    expect(() => {
      writeFileWhole(dir.path, 'x');
    }).toThrow('it is a directory');
    expect(readdirSync(dir.path)).toEqual([]);
  });

  test('must print nothing', async () => {
    await using dir = await tempDir();
    const output = join(dir.path, 'out');
    expect(await run({ listVolumes: true, output })).toBe('');
    expect(readFileSync(output, 'utf8')).toBe('data\n');
  });
});
