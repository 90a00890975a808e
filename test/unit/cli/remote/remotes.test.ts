import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { createHost } from '../../../../cli/host.ts';
import { askConsent, type Terminal, variablesOf } from '../../../../cli/remote/consent.ts';
import { isContained } from '../../../../cli/remote/git-links.ts';
import { type FetchResult, Remotes, type RemoteSource } from '../../../../cli/remote/remotes.ts';
import type { GitReference, Host } from '../../../../compose/index.ts';
import { tempDir } from '../../../lib/temp-dir.ts';

const reference = (remote: string): GitReference => ({
  kind: 'git',
  remote,
  ref: null,
  commit: null,
  subdir: null,
});
const source = (directory: string): RemoteSource => ({
  shown: 'https://h/r.git',
  identity: `commit ${'a'.repeat(40)}`,
  directory,
  file: join(directory, 'compose.yaml'),
});
const fetched = (directory: string): FetchResult => ({
  kind: 'fetched',
  source: source(directory),
  warnings: ['w'],
});

describe('fetching', () => {
  /** Loads a chain of references, each named by the one before. */
  const load = (host: Host, names: readonly string[]) => (): string[] => {
    const files: string[] = [];
    for (const name of names) {
      const read = host.remote?.(name, reference(name));
      if (read?.kind !== 'fetched') throw new Error(`${name}: ${read?.kind ?? ''}`);
      files.push(read.file);
    }
    return files;
  };
  const local: Host = createHost({});

  test('must be repeated until nothing is missing, each reference once', async () => {
    const remotes = new Remotes({});
    const asked: string[] = [];
    const host = remotes.extend(local);
    const result = await remotes.settle(load(host, ['a', 'b', 'c']), () =>
      Promise.resolve((_: unknown, text: string) => {
        asked.push(text);
        return Promise.resolve(fetched(`/cache/${text}`));
      }),
    );
    expect(result).toEqual(['a', 'b', 'c'].map((name) => `/cache/${name}/compose.yaml`));
    expect(asked).toEqual(['a', 'b', 'c']);
    expect(remotes.warnings).toEqual(['w', 'w', 'w']);
  });

  test('must not be loaded at all for a local project', async () => {
    const remotes = new Remotes({});
    expect(
      await remotes.settle(
        () => 1,
        () => Promise.reject(new Error('was loaded')),
      ),
    ).toBe(1);
  });

  test('must end where each compose file names another one', async () => {
    const remotes = new Remotes({});
    const host = remotes.extend(local);
    const names = Array.from({ length: 50 }, (_, index) => String(index));
    const settled = remotes.settle(load(host, names), () =>
      Promise.resolve((_: unknown, text: string) => Promise.resolve(fetched(`/cache/${text}`))),
    );
    await expect(settled).rejects.toThrow('compose files elsewhere name others more than 10 deep');
  });

  test('must end where one names more than anybody would', async () => {
    const remotes = new Remotes({});
    const host = remotes.extend(local);
    const settled = remotes.settle(
      () => {
        for (let index = 0; index < 200; index += 1) host.remote?.(String(index), reference('x'));
        throw new Error('pending');
      },
      () => Promise.resolve(() => Promise.reject(new Error('was fetched'))),
    );
    await expect(settled).rejects.toThrow('more than 100 compose files elsewhere');
  });

  test('must give standard input to every load', () => {
    let reads = 0;
    const host = new Remotes({}).extend({ ...local, readStdin: () => `text ${(reads += 1)}` });
    expect([host.readStdin(), host.readStdin()]).toEqual(['text 1', 'text 1']);
  });

  test.each([
    [
      'git',
      'COMPOSE_EXPERIMENTAL_GIT_REMOTE',
      'false',
      'compose files from git repositories are disabled by "COMPOSE_EXPERIMENTAL_GIT_REMOTE"',
    ],
    [
      'oci',
      'COMPOSE_EXPERIMENTAL_OCI_REMOTE',
      '0',
      'compose files from OCI artifacts are disabled by "COMPOSE_EXPERIMENTAL_OCI_REMOTE"',
    ],
    [
      'git',
      'COMPOSE_EXPERIMENTAL_GIT_REMOTE',
      'maybe',
      'COMPOSE_EXPERIMENTAL_GIT_REMOTE is "maybe", which is neither true nor false',
    ],
  ] as const)('from %s must be off with %s=%s', (kind, name, value, reason) => {
    const host = new Remotes({ [name]: value }).extend(local);
    const wanted = kind === 'git' ? reference('x') : ({ kind: 'oci', image: 'x' } as const);
    expect(host.remote?.('x', wanted)).toEqual({ kind: 'failed', reason });
    const other = kind === 'git' ? ({ kind: 'oci', image: 'x' } as const) : reference('x');
    expect(host.remote?.('y', other)).toEqual({ kind: 'pending' });
  });
});

describe('a fetched tree', () => {
  test('must keep its readers to itself, whatever its links say', async () => {
    await using dir = await tempDir();
    const root = join(dir.path, 'tree');
    await mkdir(join(root, 'sub'), { recursive: true });
    await writeFile(join(dir.path, 'secret'), 'SECRET');
    await writeFile(join(root, 'inside'), 'INSIDE');
    await symlink('../secret', join(root, 'out'));
    await symlink('/etc', join(root, 'etc'));
    await symlink('..', join(root, 'sub', 'up'));
    await symlink('loop', join(root, 'loop'));
    const remotes = new Remotes({});
    const host = remotes.extend(createHost({}));
    await remotes.settle(
      () => host.remote?.('x', reference('x')),
      () => Promise.resolve(() => Promise.resolve(fetched(root))),
    );
    const read = (path: string): unknown => host.readFile(join(root, path));
    const refused = { kind: 'failed', reason: 'a symbolic link leads out of what was fetched' };
    expect(read('inside')).toEqual({ kind: 'text', text: 'INSIDE' });
    expect(read('sub/up/inside')).toEqual({ kind: 'text', text: 'INSIDE' });
    expect(read('out')).toEqual(refused);
    expect(read('etc/passwd')).toEqual(refused);
    expect(read('loop')).toEqual(refused);
    expect(read('absent')).toEqual({ kind: 'absent' });
    expect(host.readFile(join(dir.path, 'secret'))).toEqual({ kind: 'text', text: 'SECRET' });
    expect(remotes.texts).toEqual(['INSIDE', 'INSIDE']);
  });

  test.each<[string, string, boolean]>([
    ['a', 'b', true],
    ['a', './b/c', true],
    ['d/a', '../b', true],
    ['d/e/a', '../../b/c', true],
    ['a', '..', false],
    ['a', '../b', false],
    ['d/a', '../../b', false],
    ['a', '/etc/passwd', false],
    ['a', '', false],
    ['a', 'b\0c', false],
    // Through another link, `..` is not the directory that it seems to be.
    ['d/e/a', 'p/../..', false],
    ['a', 'b/..', false],
    ['a', '.git/config', false],
    ['a', 'x/.GIT/config', false],
  ])('has a link %s → %j that stays inside: %s', (path, target, expected) => {
    expect(isContained({ path, target })).toBe(expected);
  });
});

describe('consent', () => {
  const remotes = {
    sources: [source('/cache/x')],
    texts: ['image: $IMG:${TAG:-1} $$NOT ${AWS_SECRET} ${unset}'],
  };
  const env = { TAG: '1', AWS_SECRET: 'hidden', IMG: 'i', NOT: 'n' };
  const files = ['/cache/x/compose.yaml'];
  const terminal = (
    answer: string | null,
    isInteractive = true,
  ): Terminal & { text: () => string } => {
    let text = '';
    return {
      isInteractive,
      write: (part) => Promise.resolve((text += part)),
      readLine: (prompt) => {
        text += prompt;
        return Promise.resolve(answer);
      },
      text: () => text,
    };
  };
  const ask = (who: Terminal, over: object = {}): Promise<void> =>
    askConsent({ remotes, files, env, assumeYes: false, terminal: who, ...over });

  test('must be asked for with everything that it is about, and no value', async () => {
    const who = terminal('y');
    await ask(who);
    expect(who.text()).toBe(
      [
        'The compose file comes from elsewhere:',
        `  https://h/r.git (commit ${'a'.repeat(40)})`,
        'It decides which programs run, with which rights, and which of your files they see.',
        'It reads these variables of yours: AWS_SECRET, IMG, TAG',
        'Run it? [y/N] ',
      ].join('\n'),
    );
  });

  test.each(['', 'n', 'no', 'yy', 'yes please', null])(
    'must not be taken from %j',
    async (answer) => {
      await expect(ask(terminal(answer))).rejects.toThrow(
        'the compose file from elsewhere was not accepted',
      );
    },
  );

  test.each(['y', 'Y', 'yes', ' YES '])('must be taken from %j', async (answer) => {
    await expect(ask(terminal(answer))).resolves.toBeUndefined();
  });

  test('must not be assumed where nobody can be asked', async () => {
    const thrown: unknown = await ask(terminal('y', false)).catch((error: unknown) => error);
    expect(thrown).toMatchObject({
      message: `the compose file comes from elsewhere, and nobody can be asked whether it may run: https://h/r.git (commit ${'a'.repeat(40)})`,
      hint: '`tscompose config` with the same -f shows what it would run; if you trust it, say so with `-y` after the command or COMPOSE_ASSUME_YES=1',
    });
  });

  test.each<[string, object]>([
    ['-y', { assumeYes: true }],
    ['COMPOSE_ASSUME_YES', { env: { COMPOSE_ASSUME_YES: 'true' } }],
    ['a compose file of this machine', { files: ['/home/me/compose.yaml'] }],
    ['a neighbour of the cache', { files: ['/cache/xy/compose.yaml'] }],
  ])('must not be asked for with %s', async (_, over) => {
    const who = terminal(null);
    await ask(who, over);
    expect(who.text()).toBe('');
  });

  test('must name variables as compose reads them', () => {
    const set = { A: '1', B: '1', C: '1', D: '1' };
    expect(variablesOf(['$A ${B:?x} $$C $$$D'], set)).toEqual(['A', 'B', 'D']);
  });
});
