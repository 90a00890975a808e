import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { locate, parseRemote, shownReference } from '../../../../compose/load/remote.ts';
import type { Host, RemoteRead } from '../../../../compose/host.ts';

const git = (remote: string, rest: object = {}): object => ({
  kind: 'git',
  remote,
  ref: null,
  commit: null,
  subdir: null,
  ...rest,
});
const sha = '463c6ed0836ba8ec1f1f899b6d1bdb615eb4b5d8';

describe('a reference', () => {
  test.each<[string, object | null]>([
    ['compose.yaml', null],
    ['./github.com/a/b', null],
    ['/srv/x.git', null],
    ['-', null],
    ['', null],
    ['a/b@c:d', null],
    ['C:\\x', null],
    ['ext::sh -c id', null],
    ['--upload-pack=id', null],
    ['https://host/repo.git', git('https://host/repo.git')],
    ['HTTPS://host/repo.git', git('HTTPS://host/repo.git')],
    ['https://host/repo.git#', git('https://host/repo.git')],
    ['https://host/repo.git#main', git('https://host/repo.git', { ref: 'main' })],
    [
      'https://host/repo.git#main:sub/dir',
      git('https://host/repo.git', { ref: 'main', subdir: 'sub/dir' }),
    ],
    ['https://host/repo.git#:sub', git('https://host/repo.git', { subdir: 'sub' })],
    [
      'https://host/repo.git#main:a/../b/',
      git('https://host/repo.git', { ref: 'main', subdir: 'b' }),
    ],
    ['https://host/repo.git#main:./', git('https://host/repo.git', { ref: 'main' })],
    [`https://host/repo.git#${sha}`, git('https://host/repo.git', { ref: sha })],
    ['https://host/repo.git#feature/x', git('https://host/repo.git', { ref: 'feature/x' })],
    ['https://user:pw@host:8443/repo.git', git('https://user:pw@host:8443/repo.git')],
    [
      `https://host/r.git##ref=v1,commit=${sha},subdir=s`,
      git('https://host/r.git', { ref: 'v1', commit: sha, subdir: 's' }),
    ],
    [`https://host/r.git##commit=${sha}`, git('https://host/r.git', { ref: sha, commit: sha })],
    ['ssh://git@host/repo', git('ssh://git@host/repo')],
    ['git://host/repo', git('git://host/repo')],
    [
      'git@github.com:org/repo.git#main:x',
      git('git@github.com:org/repo.git', { ref: 'main', subdir: 'x' }),
    ],
    ['me@host:repo', git('me@host:repo')],
    ['github.com/org/repo', git('https://github.com/org/repo')],
    [
      'github.com/org/repo#v1:sub',
      git('https://github.com/org/repo', { ref: 'v1', subdir: 'sub' }),
    ],
    ['oci://localhost:5000/a:1', { kind: 'oci', image: 'localhost:5000/a:1' }],
  ])('%s is understood', (text, expected) => {
    expect(parseRemote(text)).toEqual(expected);
  });

  // C-43, C-44 of the attack list: options, helpers and paths in the place of something harmless.
  test.each<[string, string, RegExp]>([
    ['another protocol', 'file:///srv/repo.git', /"file:\/\/" is not a way/],
    ['a helper program', 'ext://sh', /"ext:\/\/" is not a way/],
    ['CVE-2017-1000117: an option as host', 'ssh://-oProxyCommand=id/x', /looks like an option/],
    ['an option as user', 'ssh://-oProxyCommand=id@host/x', /looks like an option/],
    ['an encoded option as user', 'ssh://%2doProxyCommand=id@host/x', /looks like an option/],
    ['an option as host of scp', 'a@-oProxyCommand:x', /looks like an option/],
    ['an option as user of scp', '-oProxyCommand@host:x', /looks like an option/],
    ['an option as path of scp', 'a@host:--upload-pack=id', /looks like an option/],
    ['an option as branch', 'https://h/r.git#--upload-pack=id', /looks like an option/],
    ['an option as branch in the long form', 'https://h/r.git##ref=-x', /looks like an option/],
    ['a refspec as branch', 'https://h/r.git##ref=a:b', /git does not allow/],
    ['a range as branch', 'https://h/r.git#a..b', /git does not allow/],
    ['a reflog as branch', 'https://h/r.git#a@{1}', /git does not allow/],
    ['CVE-2026-33748: a way out', 'https://h/r.git#main:../../etc', /leads out of the repository/],
    [
      'a way out behind a directory',
      'https://h/r.git#main:a/../../etc',
      /leads out of the repository/,
    ],
    ['an absolute directory', 'https://h/r.git#main:/etc', /must be relative/],
    ['a drive', 'https://h/r.git#main:C:/x', /must be relative/],
    ["git's own files", 'https://h/r.git#main:.git/hooks', /is git's own/],
    ["git's own files on another file system", 'https://h/r.git#main:.GIT', /is git's own/],
    ['a line break', 'https://h/r.git#main\nx', /white space/],
    ['a space', 'https://h/r.git --upload-pack=id', /white space/],
    ['a NUL', 'https://h/r.git#main:a\0b', /control character/],
    ['a backslash', 'https://h/r.git#main:..\\..\\etc', /backslash/],
    ['an endless one', `https://h/${'r'.repeat(3000)}.git`, /longer than/],
    ['a web page', 'https://host/compose.yaml', /ends in "\.git"/],
    ['a page of GitHub', 'https://github.com/a/b/blob/main/compose.yaml', /ends in "\.git"/],
    ['no host', 'https:///r.git#x:..', /.+/],
    [
      'a short commit that is insisted on',
      'https://h/r.git##ref=v1,commit=463c6ed',
      /no full commit id/,
    ],
    ['an unknown field', 'https://h/r.git##branch=x', /is none of/],
    ['no artifact', 'oci://', /name of the artifact is missing/],
  ])('must be refused: %s', (_, text, reason) => {
    const parsed = parseRemote(text);
    expect(parsed).toMatchObject({ kind: 'invalid' });
    expect(parsed?.kind === 'invalid' ? parsed.reason : '').toMatch(reason);
  });

  test('must never lead out of the repository or into an option, whatever it is', () => {
    const part = fc.constantFrom(
      '..',
      '.',
      'a',
      '',
      '-x',
      '.git',
      '/',
      ':',
      '#',
      '@',
      '%2e%2e',
      '\\',
      'main',
      '##subdir=',
    );
    const start = fc.constantFrom(
      'https://h/r.git#',
      'git@h:r#',
      'github.com/',
      'ssh://',
      'oci://',
      '',
    );
    fc.assert(
      fc.property(start, fc.array(part, { maxLength: 8 }), (prefix, parts) => {
        const parsed = parseRemote(prefix + parts.join(fcJoin(parts)));
        if (parsed?.kind !== 'git') return;
        expect(parsed.ref ?? '').not.toMatch(/^-/);
        expect(parsed.remote).not.toMatch(/^-/);
        const steps = (parsed.subdir ?? 'x').split('/');
        expect(steps).not.toContain('..');
        expect(steps).not.toContain('.git');
        expect(parsed.subdir ?? '').not.toMatch(/^\//);
      }),
      { numRuns: 2000 },
    );
  });
});

function fcJoin(parts: readonly string[]): string {
  return parts.length % 2 === 0 ? '/' : '';
}

describe('a password', () => {
  test.each([
    ['https://user:pw@host/r.git#x', 'https://host/r.git#x'],
    ['https://token@host/r.git', 'https://host/r.git'],
    ['https://a@b@host/r.git', 'https://host/r.git'],
    ['git@host:r.git', 'git@host:r.git'],
    ['https://host/r.git#a@b', 'https://host/r.git#a@b'],
  ])('in %s must not be shown', (text, shown) => {
    expect(shownReference(text)).toBe(shown);
  });
});

describe('locating', () => {
  const host = (read?: RemoteRead): Host => ({
    environment: {},
    home: null,
    readFile: () => ({ kind: 'absent' }),
    readStdin: () => '',
    list: () => [],
    fileDigest: () => null,
    fileBytes: () => null,
    ...(read !== undefined && { remote: () => read }),
  });
  const text = 'https://u:pw@h/r.git';
  test.each<[string, Host, object]>([
    ['a path', host(), { kind: 'local' }],
    [
      text,
      host({ kind: 'fetched', file: '/c/compose.yaml' }),
      { kind: 'file', file: '/c/compose.yaml', shown: 'https://h/r.git' },
    ],
    [
      text,
      host({ kind: 'pending' }),
      { kind: 'failed', message: '"https://h/r.git" cannot be used: it has not been fetched' },
    ],
    [
      text,
      host({ kind: 'failed', reason: 'no', hint: 'do' }),
      { kind: 'failed', message: '"https://h/r.git" cannot be used: no', hint: 'do' },
    ],
    [
      text,
      host(),
      {
        kind: 'failed',
        message: '"https://h/r.git" cannot be used: files elsewhere are not read here',
      },
    ],
    [
      'oci://',
      host({ kind: 'pending' }),
      { kind: 'failed', message: '"oci://" cannot be used: the name of the artifact is missing' },
    ],
  ])('%s is answered as the host says', (reference, where, expected) => {
    expect(locate(reference, where)).toEqual(expected);
  });
});
