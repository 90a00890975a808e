/** `config --resolve-image-digests` and `--lock-image-digests`, against a registry on this machine. */
import { expect, test } from 'vitest';
import { pinnedModel, pinnedProject, type PinOptions } from '../../../cli/pinned-images.ts';
import { loadProject, renderConfig, renderModel } from '../../../compose/index.ts';
import { mediaTypes } from '../../../engine/registry/index.ts';
import { fakeHost } from '../../unit/compose/lib/host.ts';
import { fakeRegistry, type FakeRegistry, type Handler } from './fake-registry.ts';

const digest = `sha256:${'a'.repeat(64)}`;
const other = `sha256:${'b'.repeat(64)}`;

const answers: Handler = (_, response) => {
  response.writeHead(200, {
    'Content-Type': mediaTypes.ociManifest,
    'Docker-Content-Digest': digest,
    'Content-Length': 2,
  });
  response.end();
};

function options(isLocked: boolean): PinOptions {
  const { signal } = new AbortController();
  return {
    context: { env: { HOME: '/nonexistent' }, interrupts: { graceful: signal, forced: signal } },
    isLocked,
  };
}

function textFor({ domain }: FakeRegistry): string {
  return `
name: shop
x-note: y
services:
  tagged: {image: '${domain}/a/b:1', network_mode: none}
  latest: {image: '${domain}/c', network_mode: none}
  again: {image: '${domain}/c', network_mode: none, tty: true}
  pinned: {image: '${domain}/d@${other}', network_mode: none}
  built: {build: ., network_mode: none}
`;
}

function projectFor(registry: FakeRegistry): ReturnType<typeof loadProject>['project'] {
  const files = { '/shop/compose.yaml': textFor(registry) };
  return loadProject({ workingDirectory: '/shop' }, fakeHost({ files })).project;
}

test('each tag must be asked for once, and get the digest that it has now', async () => {
  await using registry = await fakeRegistry(answers);
  const project = projectFor(registry);
  const pinned = await pinnedProject(project, options(false));
  const { domain } = registry;
  expect(Object.entries(pinned.services).map(([name, { image }]) => [name, image])).toEqual([
    ['again', `${domain}/c:latest@${digest}`],
    ['built', undefined],
    ['latest', `${domain}/c:latest@${digest}`],
    ['pinned', `${domain}/d@${other}`],
    ['tagged', `${domain}/a/b:1@${digest}`],
  ]);
  expect(registry.requests.map(({ line }) => line).sort()).toEqual([
    'HEAD /v2/a/b/manifests/1',
    'HEAD /v2/c/manifests/latest',
  ]);
});

test('locked, only the images must be there, as a file to merge over the first', async () => {
  await using registry = await fakeRegistry(answers);
  const project = projectFor(registry);
  const lock = renderConfig(await pinnedProject(project, options(true)), 'yaml');
  const { domain } = registry;
  expect(lock).toBe(`services:
  again:
    image: ${domain}/c:latest@${digest}
  built: {}
  latest:
    image: ${domain}/c:latest@${digest}
  pinned:
    image: ${domain}/d@${other}
  tagged:
    image: ${domain}/a/b:1@${digest}
`);
  const files = { '/shop/compose.yaml': textFor(registry), '/shop/lock.yaml': lock };
  const both = { workingDirectory: '/shop', files: ['compose.yaml', 'lock.yaml'] };
  const again = loadProject(both, fakeHost({ files })).project;
  expect(again.services['again']).toMatchObject({
    image: `${domain}/c:latest@${digest}`,
    tty: true,
  });
});

test('a typed model must be pinned as well', async () => {
  await using registry = await fakeRegistry(answers);
  const model = { services: { a: { image: `${registry.domain}/c`, tty: '${T}' } }, name: 'n' };
  const image = `${registry.domain}/c:latest@${digest}`;
  expect(renderModel(await pinnedModel(model, options(false)), 'yaml')).toBe(
    `name: "n"\nservices:\n  a:\n    image: ${image}\n    tty: \${T}\n`,
  );
  expect(renderModel(await pinnedModel(model, options(true)), 'yaml')).toBe(
    `services:\n  a:\n    image: ${image}\n`,
  );
});

test('an image that no registry has must be named', async () => {
  await using registry = await fakeRegistry((_, response) => {
    response.writeHead(404).end();
  });
  await expect(pinnedProject(projectFor(registry), options(true))).rejects.toThrow(registry.domain);
});
