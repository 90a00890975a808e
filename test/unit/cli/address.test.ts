import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { resolveAddress, type AddressRequest } from '../../../cli/address.ts';
import { createLayout } from '../../../engine/store/layout.ts';

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');
const meta = (name: string): string => `/home/ann/.docker/contexts/meta/${sha256(name)}/meta.json`;
const remote = JSON.stringify({ Name: 'box', Endpoints: { docker: { Host: 'ssh://box' } } });

interface Case {
  readonly name: string;
  readonly host?: string;
  readonly env?: AddressRequest['env'];
  readonly files?: Readonly<Record<string, string>>;
  readonly expected: string;
}

const embedded = 'unix:///run/tscompose/engine.sock';

const cases: readonly Case[] = [
  {
    name: 'nothing set is the embedded engine',
    expected: `embedded ${embedded}: no --host, DOCKER_HOST or docker context is set`,
  },
  {
    name: 'the run root moves the embedded engine',
    env: { TSCOMPOSE_RUN_ROOT: '/tmp/r' },
    expected: 'embedded unix:///tmp/r/engine.sock: no --host, DOCKER_HOST or docker context is set',
  },
  {
    name: '--host wins over everything',
    host: 'unix:///a.sock',
    env: { DOCKER_HOST: 'unix:///b.sock', DOCKER_CONTEXT: 'box' },
    expected: 'unix:///a.sock: --host is given',
  },
  {
    name: '--host embedded wins over DOCKER_HOST',
    host: 'embedded',
    env: { DOCKER_HOST: 'unix:///b.sock' },
    expected: `embedded ${embedded}: --host embedded is given`,
  },
  {
    name: 'DOCKER_HOST wins over a context',
    env: { DOCKER_HOST: 'tcp://127.0.0.1:2375', DOCKER_CONTEXT: 'box' },
    expected: 'tcp://127.0.0.1:2375: DOCKER_HOST is set',
  },
  {
    name: 'an empty DOCKER_HOST is none',
    env: { DOCKER_HOST: '' },
    expected: `embedded ${embedded}: no --host, DOCKER_HOST or docker context is set`,
  },
  {
    name: 'DOCKER_HOST on the embedded socket is the embedded engine',
    env: { DOCKER_HOST: embedded },
    expected: `embedded ${embedded}: DOCKER_HOST is set`,
  },
  {
    name: 'DOCKER_CONTEXT selects a context',
    env: { DOCKER_CONTEXT: 'box' },
    files: { [meta('box')]: remote },
    expected: 'ssh://box: docker context "box" is selected by DOCKER_CONTEXT',
  },
  {
    name: 'the docker configuration selects a context',
    files: {
      '/home/ann/.docker/config.json': '{"currentContext":"box"}',
      [meta('box')]: remote,
    },
    expected: 'ssh://box: docker context "box" is selected by /home/ann/.docker/config.json',
  },
  {
    name: 'DOCKER_CONTEXT wins over the docker configuration',
    env: { DOCKER_CONTEXT: 'default' },
    files: { '/home/ann/.docker/config.json': '{"currentContext":"box"}' },
    expected: `embedded ${embedded}: no --host, DOCKER_HOST or docker context is set`,
  },
  {
    name: 'a docker configuration that is not JSON selects nothing',
    files: { '/home/ann/.docker/config.json': '{' },
    expected: `embedded ${embedded}: no --host, DOCKER_HOST or docker context is set`,
  },
  {
    name: 'DOCKER_CONFIG moves the docker configuration',
    env: { DOCKER_CONFIG: '/etc/d' },
    files: {
      '/etc/d/config.json': '{"currentContext":"box"}',
      [`/etc/d/contexts/meta/${sha256('box')}/meta.json`]: remote,
    },
    expected: 'ssh://box: docker context "box" is selected by /etc/d/config.json',
  },
  {
    name: 'a context that does not exist is refused',
    env: { DOCKER_CONTEXT: 'gone' },
    expected: 'error: docker context "gone", selected by DOCKER_CONTEXT, does not exist',
  },
  {
    name: 'a context without an address is refused',
    env: { DOCKER_CONTEXT: 'box' },
    files: { [meta('box')]: '{}' },
    expected: `error: docker context "box" names no engine address in ${meta('box')}`,
  },
  {
    name: 'an address without a scheme is refused',
    host: 'localhost:2375',
    expected: 'error: --host is no engine address: "localhost:2375"',
  },
  { name: 'an empty --host is refused', host: '', expected: 'error: --host is empty' },
];

describe('the engine address', () => {
  test.each(cases)('$name', ({ host, env = {}, files = {}, expected }) => {
    expect(describeAddress({ host, env, files })).toBe(expected);
  });

  test('the embedded one is where the engine listens', () => {
    const { engineSocket } = createLayout({
      stateRoot: '/var/lib/tscompose',
      runRoot: '/run/tscompose',
    });
    expect(describeAddress({ host: 'embedded', env: {}, files: {} })).toBe(
      `embedded unix://${engineSocket}: --host embedded is given`,
    );
  });
});

function describeAddress({
  host,
  env,
  files,
}: {
  readonly host: string | undefined;
  readonly env: AddressRequest['env'];
  readonly files: Readonly<Record<string, string>>;
}): string {
  try {
    const { isEmbedded, url, reason } = resolveAddress({
      host,
      env,
      home: '/home/ann',
      readFile: (path) => files[path] ?? null,
      sha256,
    });
    return `${isEmbedded ? 'embedded ' : ''}${url}: ${reason}`;
  } catch (error) {
    return `error: ${(error as Error).message}`;
  }
}
