import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { dockerCredentials } from '../../../../engine/registry/credentials.ts';
import { tempDir } from '../../../lib/temp-dir.ts';

const auth = (text: string): string => Buffer.from(text).toString('base64');
const hub = 'https://index.docker.io/v1/';

async function find(
  config: unknown,
  domain: string,
  helpers: Readonly<Record<string, string>> = {},
): Promise<unknown> {
  await using dir = await tempDir();
  const bin = join(dir.path, 'bin');
  await mkdir(bin);
  for (const [name, script] of Object.entries(helpers)) {
    const file = join(bin, `docker-credential-${name}`);
    await writeFile(
      file,
      `#!/bin/sh\nread server; echo "$server" >> ${dir.path}/asked\n${script}\n`,
    );
    await chmod(file, 0o755);
  }
  if (config !== undefined) {
    const text = typeof config === 'string' ? config : JSON.stringify(config);
    await writeFile(join(dir.path, 'config.json'), text);
  }
  const env = { PATH: `${bin}:/usr/bin:/bin` };
  return await dockerCredentials({ directory: dir.path, env })(domain);
}

describe('credentials', () => {
  test.each<[string, unknown, string, unknown]>([
    ['no file', undefined, 'ghcr.io', null],
    ['an empty file', {}, 'ghcr.io', null],
    [
      'user and password',
      { auths: { 'ghcr.io': { auth: auth('me:pa:ss') } } },
      'ghcr.io',
      { kind: 'password', username: 'me', password: 'pa:ss' },
    ],
    ['another registry', { auths: { 'ghcr.io': { auth: auth('me:p') } } }, 'quay.io', null],
    ['an entry that is only a mark', { auths: { 'ghcr.io': {} } }, 'ghcr.io', null],
    [
      'an old address',
      { auths: { 'https://r.example/v1/': { auth: auth('a:b') } } },
      'r.example',
      { kind: 'password', username: 'a', password: 'b' },
    ],
    [
      'Docker Hub',
      { auths: { [hub]: { auth: auth('a:b') } } },
      'docker.io',
      { kind: 'password', username: 'a', password: 'b' },
    ],
    [
      'a port of its own',
      { auths: { 'localhost:5000': { auth: auth('a:b') } } },
      'localhost:5001',
      null,
    ],
    [
      'an identity token',
      { auths: { 'r.io': { auth: auth('a:b'), identitytoken: 't' } } },
      'r.io',
      { kind: 'identity-token', token: 't' },
    ],
    [
      'a registry token',
      { auths: { 'r.io': { registrytoken: 't' } } },
      'r.io',
      { kind: 'registry-token', token: 't' },
    ],
    [
      'plain fields',
      { auths: { 'r.io': { username: 'u', password: 'p' } } },
      'r.io',
      { kind: 'password', username: 'u', password: 'p' },
    ],
  ])('are found: %s', async (_, config, domain, expected) => {
    expect(await find(config, domain)).toEqual(expected);
  });

  const answer = (user: string, secret: string): string =>
    `echo '${JSON.stringify({ ServerURL: 's', Username: user, Secret: secret })}'`;

  test.each<[string, unknown, string, unknown]>([
    [
      'for all registries',
      { credsStore: 'good' },
      'r.io',
      { kind: 'password', username: 'u', password: 's' },
    ],
    [
      'for one registry',
      { credHelpers: { 'r.io': 'good' }, credsStore: 'bad' },
      'r.io',
      { kind: 'password', username: 'u', password: 's' },
    ],
    ['that gives a token', { credsStore: 'token' }, 'r.io', { kind: 'identity-token', token: 't' }],
    ['that knows nothing', { credsStore: 'none' }, 'r.io', null],
    [
      'that knows nothing, and the file does',
      { credsStore: 'none', auths: { 'r.io': { auth: auth('f:g') } } },
      'r.io',
      { kind: 'password', username: 'f', password: 'g' },
    ],
  ])('come from a helper: %s', async (_, config, domain, expected) => {
    const helpers = {
      good: answer('u', 's'),
      token: answer('<token>', 't'),
      none: 'echo "credentials not found in native keychain"; exit 1',
      bad: 'echo broken; exit 3',
    };
    expect(await find(config, domain, helpers)).toEqual(expected);
  });

  test.each<[string, unknown, string]>([
    ['a file that is no JSON', '{"auths": {"r.io": {"auth": "c2VjcmV0"', 'is not valid JSON'],
    ['an entry without a colon', { auths: { 'r.io': { auth: auth('secret') } } }, 'is damaged'],
    ['a helper that is not there', { credsStore: 'absent' }, 'cannot run docker-credential-absent'],
    ['a helper that fails', { credsStore: 'bad' }, 'cannot give the credentials for r.io: locked'],
    ['a helper that says something else', { credsStore: 'odd' }, 'gave no credentials'],
    ['a helper with a path', { credsStore: '../../tmp/x' }, 'no name of a credential helper'],
  ])('that cannot be had must be reported: %s', async (_, config, message) => {
    const helpers = { bad: 'echo locked; exit 1', odd: 'echo hello' };
    const thrown = await find(config, 'r.io', helpers).catch((error: unknown) => error);
    expect(thrown).toMatchObject({ name: 'RegistryError', code: 'credentials' });
    expect((thrown as Error).message).toContain(message);
    expect(JSON.stringify(thrown)).not.toMatch(/c2VjcmV0|secret/);
  });
});
