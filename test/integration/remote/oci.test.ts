import { createHash } from 'node:crypto';
import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { type Loaded, loadFrom } from '../../../cli/project.ts';
import { mediaTypes } from '../../../engine/registry/index.ts';
import { tempDir, type TempDir } from '../../lib/temp-dir.ts';
import { type FakeRegistry, fakeRegistry, sendJson } from '../registry/fake-registry.ts';

const types = {
  project: 'application/vnd.docker.compose.project',
  file: 'application/vnd.docker.compose.file+yaml',
  envFile: 'application/vnd.docker.compose.envfile',
  emptyConfig: 'application/vnd.docker.compose.config.empty.v1+json',
};

interface Layer {
  readonly type: string;
  readonly text: string;
  readonly annotations?: Readonly<Record<string, string>>;
}

const main = (text: string): Layer => ({
  type: types.file,
  text,
  annotations: { 'com.docker.compose.file': 'compose.yaml' },
});
const base = (name: string, text = 'services: { b: { image: b } }\n'): Layer => ({
  type: types.file,
  text,
  annotations: { 'com.docker.compose.extends': 'true', 'com.docker.compose.file': name },
});
const envFile = (name: string, text = 'KEY=value\n'): Layer => ({
  type: types.envFile,
  text,
  annotations: { 'com.docker.compose.envfile': name },
});

const digestOf = (text: string | Buffer): string =>
  `sha256:${createHash('sha256').update(text).digest('hex')}`;
const describe_ = (type: string, text: string, annotations = {}): object => ({
  mediaType: type,
  digest: digestOf(text),
  size: Buffer.byteLength(text),
  annotations,
});

function manifestOf(layers: readonly Layer[], over: object = {}): string {
  return JSON.stringify({
    schemaVersion: 2,
    mediaType: mediaTypes.ociManifest,
    artifactType: types.project,
    config: describe_('application/vnd.oci.empty.v1+json', '{}'),
    layers: layers.map(({ type, text, annotations }) => describe_(type, text, annotations)),
    ...over,
  });
}

async function publishing(
  layers: readonly Layer[],
  over: object = {},
): Promise<FakeRegistry & { digest: string }> {
  const manifest = manifestOf(layers, over);
  const blobs = new Map(layers.map(({ text }) => [digestOf(text), text]));
  const registry = await fakeRegistry((request, response) => {
    const last = request.url?.split('/').at(-1) ?? '';
    const blob = blobs.get(last);
    if (request.url?.includes('/blobs/') === true && blob !== undefined) response.end(blob);
    else if (request.url?.includes('/manifests/') === true) {
      sendJson(response, request.method === 'HEAD' ? '' : manifest, {
        'Content-Type': mediaTypes.ociManifest,
        'Docker-Content-Digest': digestOf(manifest),
      });
    } else response.writeHead(404).end();
  });
  return Object.assign(registry, { digest: digestOf(manifest) });
}

interface User extends TempDir {
  readonly load: (files: readonly string[]) => Promise<Loaded>;
}

async function user(): Promise<User> {
  const directory = await tempDir();
  const project = join(directory.path, 'project');
  await mkdir(project);
  const env = { HOME: directory.path, XDG_CACHE_HOME: join(directory.path, 'cache') };
  return Object.assign(directory, {
    load: (files: readonly string[]) =>
      loadFrom({ global: { file: files }, env, workingDirectory: project }),
  });
}

async function failure(loading: Promise<unknown>): Promise<string> {
  const thrown: unknown = await loading.then(
    () => null,
    (error: unknown) => error,
  );
  return thrown instanceof Error ? thrown.message : 'no failure';
}

/** Every path below a directory. */
async function tree(path: string): Promise<string[]> {
  return (await readdir(path, { recursive: true })).sort();
}

describe('an OCI artifact', () => {
  test('must be a project of all its files', async () => {
    await using registry = await publishing([
      main('services: { a: { image: a, env_file: one.env } }\n'),
      {
        type: types.file,
        text: 'services: { a: { command: [x] }, c: { extends: { file: base.yaml, service: b } } }\n',
        annotations: { 'com.docker.compose.file': 'override.yaml' },
      },
      base('base.yaml'),
      envFile('one.env'),
      { type: 'application/x-unknown', text: 'ignored' },
    ]);
    await using who = await user();
    const { project, remotes } = await who.load([`oci://${registry.domain}/org/app:1`]);
    expect(project.services).toMatchObject({
      a: { image: 'a', command: ['x'], environment: { KEY: 'value' } },
      c: { image: 'b' },
    });
    const directory = join(who.path, 'cache', 'tscompose', 'oci', registry.digest.slice(7));
    expect(await readdir(directory)).toEqual(['base.yaml', 'compose.yaml', 'one.env']);
    expect(remotes.sources).toEqual([
      {
        shown: `oci://${registry.domain}/org/app:1`,
        identity: registry.digest,
        directory,
        file: join(directory, 'compose.yaml'),
      },
    ]);
  });

  test('of the time before artifact types must be read as well', async () => {
    await using registry = await publishing([main('services: { a: { image: a } }\n')], {
      artifactType: undefined,
      config: describe_(types.emptyConfig, '{}'),
    });
    await using who = await user();
    expect(
      Object.keys((await who.load([`oci://${registry.domain}/app`])).project.services),
    ).toEqual(['a']);
  });

  test('must be read from the cache when nobody answers, by its digest without a question', async () => {
    await using who = await user();
    const registry = await publishing([main('services: { a: { image: a } }\n')]);
    const name = `oci://${registry.domain}/app`;
    await who.load([`${name}:1`]);
    const before = registry.requests.length;
    await who.load([`${name}@${registry.digest}`]);
    expect(registry.requests).toHaveLength(before);
    await registry[Symbol.asyncDispose]();
    const { warnings } = await who.load([`${name}:1`]);
    expect(warnings.map(({ message }) => message).join()).toMatch(
      /cannot be reached \(.*\): using sha256:[0-9a-f]{12}, which .*\/app:1 was at/,
    );
    expect(await failure(who.load([`${name}:2`]))).toContain('nobody listens there');
  });

  test('must be fetched by many at once', async () => {
    await using registry = await publishing([main('services: { a: { image: a } }\n')]);
    await using who = await user();
    await Promise.all(Array.from({ length: 5 }, () => who.load([`oci://${registry.domain}/app`])));
    const names = (await readdir(join(who.path, 'cache', 'tscompose', 'oci'))).sort();
    expect(names).toEqual([registry.digest.slice(7), 'names'].sort());
  });

  const good = main('services: { a: { image: a } }\n');
  test.each<[string, readonly Layer[], object, RegExp]>([
    [
      'an image',
      [good],
      {
        artifactType: undefined,
        config: describe_('application/vnd.oci.image.config.v1+json', '{}'),
      },
      /not a compose project: it is a application\/vnd.oci.image.config/,
    ],
    [
      'another artifact',
      [good],
      { artifactType: 'application/x-helm' },
      /not a compose project: it is a application\/x-helm/,
    ],
    ['an index', [], { mediaType: mediaTypes.ociIndex, manifests: [] }, /calls itself/],
    ['no compose file', [envFile('x.env')], {}, /it has no compose file/],
    [
      'two files of one name',
      [good, envFile('x'), envFile('x', 'B=1')],
      {},
      /two files with the name "x"/,
    ],
    [
      'a file without a name',
      [good, { type: types.envFile, text: 'A=1' }],
      {},
      /one of its files has no name/,
    ],
    [
      'more files than anybody publishes',
      [good, ...Array.from({ length: 201 }, (_, n) => envFile(`e${n}`))],
      {},
      /more than 200 files/,
    ],
    [
      'a huge file',
      [{ ...good, text: `# ${'x'.repeat(9 * 1024 * 1024)}` }],
      {},
      /allowed are 8388608/,
    ],
  ])('must be refused: %s', async (_, layers, over, message) => {
    await using registry = await publishing(layers, over);
    await using who = await user();
    expect(await failure(who.load([`oci://${registry.domain}/app:1`]))).toMatch(message);
  });
});

/** C-56, CVE-2025-62725: names that publishers can choose, and where they would have led. */
const names = [
  '..',
  '.',
  '',
  '/',
  '../evil',
  '../../evil',
  '../../../../../../../../tmp/tsc-evil',
  './evil',
  'a/b',
  'a/../b',
  'a/../../evil',
  '/tmp/tsc-evil',
  '//tmp/evil',
  '/etc/passwd',
  '/proc/self/environ',
  '\\evil',
  '..\\evil',
  '..\\..\\evil',
  'C:\\evil',
  'C:evil',
  'c:/evil',
  '\\\\host\\share',
  'evil\0',
  '\0',
  'a\0/../b',
  'evil\n',
  '\r\n',
  'evil\u202e',
  '%2e%2e%2fevil',
  '..%2fevil',
  '..%5cevil',
  '%00',
  '.../evil',
  '....//evil',
  '~',
  '~/evil',
  '~root/evil',
  '$HOME/evil',
  '-rf',
  '--option',
  'compose.yaml',
  'COMPOSE.YAML',
  'compose.yaml ',
  'CON:',
  'x'.repeat(300),
  '../'.repeat(100),
  'é',
  '．．／evil',
  '\u2025/evil',
  'evil ',
  ' evil',
  '*',
  'a;b',
  'a|b',
  '`id`',
  '$(id)',
];

describe('an OCI artifact must not write elsewhere (CVE-2025-62725)', () => {
  test.each(names)('as %j', async (name) => {
    for (const layer of [base(name), envFile(name)]) {
      await using registry = await publishing([main('services: { a: { image: a } }\n'), layer]);
      await using who = await user();
      await mkdir(join(who.path, 'cache', 'tscompose', 'oci'), { recursive: true });
      const outside = await tree(who.path);
      expect(await failure(who.load([`oci://${registry.domain}/app:1`]))).toMatch(
        /wants to write a file called|has two files|has no name/,
      );
      expect(await tree(who.path)).toEqual(outside);
    }
  });
});
