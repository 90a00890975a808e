import { access, lstat, mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { missing } from '../../lib/requires.ts';
import { gitLab, type Lab } from './support.ts';

const compose = 'services: { web: { image: "web:${TAG:-1}", volumes: ["./data:/data"] } }\n';
const without = missing('git');

async function failure(loading: Promise<unknown>): Promise<string> {
  const thrown: unknown = await loading.then(
    () => null,
    (error: unknown) => error,
  );
  return thrown instanceof Error ? thrown.message : `no failure but ${JSON.stringify(thrown)}`;
}

async function entries(lab: Lab): Promise<string[]> {
  return (await readdir(join(lab.cache, 'git'))).filter((name) => name !== 'names').sort();
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

describe.skipIf(without.length > 0)(`a git repository (${without.join(', ')})`, () => {
  test('must be a compose file for -f, include and extends', async () => {
    await using lab = await gitLab();
    const commit = await lab.commit('r.git', {
      'compose.yaml': compose,
      'sub/docker-compose.yml': 'services: { inner: { image: "i:${FROM:-none}" } }\n',
      'sub/.env': 'FROM=env\n',
    });
    const tree = join(lab.cache, 'git', commit);

    const direct = await lab.load([lab.url('r.git')]);
    expect(direct.project.name).toBe('project');
    expect(direct.project.services['web']?.volumes?.[0]).toMatchObject({
      source: join(tree, 'data'),
    });
    expect(direct.project.files).toEqual([join(tree, 'compose.yaml')]);

    const included = await lab.load(
      ['compose.yaml'],
      `include: ["${lab.url('r.git')}#main:sub"]\nservices: { a: { image: a } }\n`,
    );
    expect(included.project.services['inner']?.image).toBe('i:env');

    const extended = await lab.load(
      ['compose.yaml'],
      `services: { a: { extends: { file: "${lab.url('r.git')}", service: web } } }\n`,
    );
    expect(extended.project.services['a']).toMatchObject({
      image: 'web:1',
      volumes: [{ source: join(tree, 'data') }],
    });

    expect(await entries(lab)).toEqual([commit]);
    expect(await exists(join(tree, '.git'))).toBe(false);
    expect(extended.remotes.sources).toMatchObject([{ identity: `commit ${commit}` }]);
  });

  test('must be read at the branch, tag or commit that is named', async () => {
    await using lab = await gitLab();
    const first = await lab.commit('r.git', {
      'compose.yaml': 'services: { a: { image: first } }\n',
    });
    await lab.git('r.git', 'tag', '-a', '-m', 'x', 'v1');
    await lab.git('r.git', 'branch', 'feature/main');
    const second = await lab.commit('r.git', {
      'compose.yaml': 'services: { a: { image: second } }\n',
    });
    const imageAt = async (fragment: string): Promise<string | undefined> =>
      (await lab.load([`${lab.url('r.git')}${fragment}`])).project.services['a']?.image;
    expect(await imageAt('')).toBe('second');
    // ls-remote also lists refs/heads/feature/main for "main", and lists it first.
    expect(await imageAt('#main')).toBe('second');
    expect(await imageAt('#feature/main')).toBe('first');
    expect(await imageAt('#v1')).toBe('first');
    expect(await imageAt(`#${first}`)).toBe('first');
    expect(await imageAt(`##ref=main,commit=${second}`)).toBe('second');
    expect(await failure(lab.load([`${lab.url('r.git')}##ref=main,commit=${first}`]))).toContain(
      `"main" is commit ${second}, not ${first}`,
    );
    expect(await failure(lab.load([`${lab.url('r.git')}#nope`]))).toContain(
      'the repository has no branch or tag "nope"',
    );
    expect(await failure(lab.load([`${lab.url('r.git')}#main:nope`]))).toContain(
      'there is no "nope" in the repository',
    );
    expect(await failure(lab.load([lab.url('other.git')]))).toContain(
      'the repository cannot be read',
    );
  });

  test('must be read from the cache when nobody answers, and say so', async () => {
    await using lab = await gitLab();
    const commit = await lab.commit('r.git', { 'compose.yaml': compose });
    const online = await lab.load([lab.url('r.git')]);
    expect(online.warnings).toEqual([]);
    await lab.stop();
    const offline = await lab.load([lab.url('r.git')]);
    expect(offline.project.services).toEqual(online.project.services);
    expect(offline.warnings[0]?.message).toMatch(
      new RegExp(
        `cannot be reached \\(.*\\): using commit ${commit.slice(0, 12)}, which "HEAD" was at 20`,
      ),
    );
    expect((await lab.load([`${lab.url('r.git')}#${commit}`])).warnings).toEqual([]);
    expect(await failure(lab.load([`${lab.url('r.git')}#other`]))).toMatch(
      /cannot be read: .*(refused|unable to connect)/i,
    );
  });

  test('must be fetched by many at once without a trace of it', async () => {
    await using lab = await gitLab();
    const commit = await lab.commit('r.git', { 'compose.yaml': compose });
    const loaded = await Promise.all(Array.from({ length: 6 }, () => lab.load([lab.url('r.git')])));
    expect(new Set(loaded.map(({ project }) => JSON.stringify(project.services))).size).toBe(1);
    expect(await entries(lab)).toEqual([commit]);
  });
});

describe.skipIf(without.length > 0)('a git repository must not', () => {
  test('lead readers out of it by a symbolic link', async () => {
    await using lab = await gitLab();
    await writeFile(join(lab.root, 'secret.yaml'), 'services: { leaked: { image: x } }\n');
    await writeFile(join(lab.root, 'secret.env'), 'KEY=leaked\n');
    const commit = await lab.commit('r.git', {
      'compose.yaml': `→${join(lab.root, 'secret.yaml')}`,
      out: `→${lab.root}`,
      up: '→../../../..',
      'twice/p': '→..',
      'twice/out': '→p/../../../../..',
      'env.yaml': 'services: { a: { image: a, env_file: leak.env } }\n',
      'leak.env': `→${join(lab.root, 'secret.env')}`,
      'good.yaml': '→real/compose.yaml',
      'real/compose.yaml': 'services: { good: { image: a } }\n',
    });
    const at = (path: string): Promise<string> =>
      failure(lab.load([`${lab.url('r.git')}#main:${path}`]));
    expect(await at('out/secret.yaml')).toMatch(/there is no|leads out/);
    expect(await at('up/secret.yaml')).toMatch(/there is no|leads out/);
    expect(await at('twice/out/secret.yaml')).toMatch(/there is no|leads out/);
    expect(await at('compose.yaml')).not.toContain('no failure');
    expect(await at('env.yaml')).not.toMatch(/no failure.*leaked/);
    // Not even on the disk: what runs later follows links without asking us.
    for (const path of ['compose.yaml', 'out', 'up', 'twice/out', 'leak.env']) {
      expect((await lstat(join(lab.cache, 'git', commit, path))).isFile()).toBe(true);
    }
    const good = await lab.load([`${lab.url('r.git')}#main:good.yaml`]);
    expect(Object.keys(good.project.services)).toEqual(['good']);
    expect(good.warnings).toEqual([]);
  });

  test('run a program: hooks, filters, helpers, proxies of the environment', async () => {
    await using lab = await gitLab();
    await lab.commit('s.git', { 'compose.yaml': compose, '.gitattributes': '* filter=evil\n' });
    const marker = join(lab.root, 'ran');
    const script = join(lab.root, 'script');
    const hooks = join(lab.root, 'template', 'hooks');
    await mkdir(hooks, { recursive: true });
    const files = ['post-checkout', 'reference-transaction', 'post-index-change'];
    for (const file of [script, ...files.map((hook) => join(hooks, hook))]) {
      await writeFile(file, `#!/bin/sh\necho "$0" >> ${marker}\n`, { mode: 0o755 });
    }
    const configuration = [
      `[init]\ntemplateDir = ${join(lab.root, 'template')}`,
      `[core]\nhooksPath = ${hooks}\nfsmonitor = ${script}`,
      `[filter "evil"]\nsmudge = ${script}\nrequired = true`,
      '[protocol "ext"]\nallow = always',
      `[url "ext::${script} "]\ninsteadOf = git://evil/`,
    ];
    await writeFile(join(lab.env['HOME'] ?? '', '.gitconfig'), `${configuration.join('\n')}\n`);
    Object.assign(lab.env, {
      GIT_PROXY_COMMAND: script,
      GIT_CONFIG_COUNT: '1',
      GIT_CONFIG_KEY_0: 'core.gitProxy',
      GIT_CONFIG_VALUE_0: script,
      GIT_EXEC_PATH: lab.root,
    });
    const { project } = await lab.load([lab.url('s.git')]);
    expect(project.services['web']?.image).toBe('web:1');
    expect(await failure(lab.load(['git://evil/x']))).toContain("transport 'ext' not allowed");
    expect(await exists(marker)).toBe(false);
  });

  test('bring submodules, and says which are missing', async () => {
    await using lab = await gitLab();
    await lab.commit('r.git', {
      'compose.yaml': compose,
      '.gitmodules': '[submodule "m"]\n\tpath = m\n\turl = ext::sh -c id\n',
    });
    await lab.git('r.git', 'update-index', '--add', '--cacheinfo', `160000,${'a'.repeat(40)},m`);
    await lab.git('r.git', 'commit', '-q', '-m', 'module');
    const { warnings } = await lab.load([lab.url('r.git')]);
    expect(warnings.map(({ message }) => message)).toEqual([
      `${lab.url('r.git')}: submodules are not fetched: "m"`,
    ]);
  });
});
