import { describe, expect, test } from 'vitest';
import { loadProject, loadProjectName, type LoadRequest } from '../../../../compose/index.ts';
import { errorText, type FakeHostOptions, fakeHost } from '../lib/host.ts';

const one = 'services: {a: {image: "x:${TAG:-none}"}}';

function load(options: FakeHostOptions, request: Partial<LoadRequest> = {}) {
  return loadProject({ workingDirectory: '/w/shop', ...request }, fakeHost(options));
}

describe('the compose file', () => {
  test('must be found in the working directory or above it', () => {
    const { project } = load({ files: { '/w/compose.yml': one } });
    expect(project.files).toEqual(['/w/compose.yml']);
    expect(project.workingDirectory).toBe('/w');
    expect(project.name).toBe('w');
  });

  test('must be compose.yaml before the others, with a warning', () => {
    const files = { '/w/shop/compose.yaml': one, '/w/shop/docker-compose.yml': one };
    const { project, warnings } = load({ files });
    expect(project.files).toEqual(['/w/shop/compose.yaml']);
    expect(warnings[0]?.message).toBe(
      'several compose files: compose.yaml, docker-compose.yml; using compose.yaml',
    );
  });

  test('must have its override merged, but only when nothing is named', () => {
    const files = {
      '/w/shop/compose.yaml': one,
      '/w/shop/compose.override.yaml': 'services: {a: {tty: true}}',
    };
    expect(load({ files }).project.services['a']?.tty).toBe(true);
    expect(load({ files }, { files: ['compose.yaml'] }).project.services['a']?.tty).toBeUndefined();
  });

  test('must come from COMPOSE_FILE, also when .env sets it', () => {
    const files = {
      '/w/shop/.env': 'COMPOSE_FILE=one.yaml:two.yaml',
      '/w/shop/one.yaml': one,
      '/w/shop/two.yaml': 'services: {a: {tty: true}}',
    };
    expect(load({ files }).project.files).toEqual(['/w/shop/one.yaml', '/w/shop/two.yaml']);
  });

  test.each([
    [{ COMPOSE_FILE: 'one.yaml;two.yaml', COMPOSE_PATH_SEPARATOR: ';' }],
    [{ COMPOSE_FILE: 'one.yaml:two.yaml', COMPOSE_PATH_SEPARATOR: '' }],
    [{ COMPOSE_FILE: 'one.yaml::two.yaml:' }],
  ])('must be those of %j', (environment) => {
    const files = { '/w/shop/one.yaml': one, '/w/shop/two.yaml': 'services: {b: {image: y}}' };
    const { project } = load({ files, environment });
    expect(project.files).toEqual(['/w/shop/one.yaml', '/w/shop/two.yaml']);
  });

  test('must come from standard input for COMPOSE_FILE=- as well', () => {
    const { project } = load({ stdin: one, environment: { COMPOSE_FILE: '-' } });
    expect(Object.keys(project.services)).toEqual(['a']);
  });

  test('must be one override of several, with a warning', () => {
    const files = {
      '/w/shop/compose.yaml': one,
      '/w/shop/compose.override.yml': 'services: {a: {tty: true}}',
      '/w/shop/docker-compose.override.yaml': 'services: {a: {init: true}}',
    };
    const { project, warnings } = load({ files });
    expect(project.services['a']).toMatchObject({ tty: true });
    expect(project.services['a']).not.toHaveProperty('init');
    expect(warnings[0]?.message).toBe(
      'several override files: compose.override.yml, docker-compose.override.yaml; using compose.override.yml',
    );
  });

  test.each([
    ['', 'empty-file'],
    ['{}', 'empty-file'],
    ['# nothing\n---\n', 'empty-file'],
    ['services:', 'invalid-type'],
  ])('must not be %j', (text, code) => {
    expect(errorText(() => load({ files: { '/w/shop/compose.yaml': text } }))).toContain(code);
  });

  test('must not have a project directory that is a file', () => {
    const files = { '/w/shop/compose.yaml': one };
    const request = { projectDirectory: 'compose.yaml', files: ['compose.yaml'] };
    expect(errorText(() => load({ files }, request))).toContain(
      'the project directory "/w/shop/compose.yaml" is a file',
    );
  });

  test('must come from standard input for "-"', () => {
    const { project } = load({ stdin: one }, { files: ['-'] });
    expect(project.workingDirectory).toBe('/w/shop');
  });

  test('must be reported when there is none', () => {
    expect(errorText(() => load({}))).toBe(
      'error[no-configuration]: no compose file in "/w/shop" or above it\n  = hint: create a compose.yaml there, or name one with -f',
    );
    expect(errorText(() => load({}, { files: ['x.yaml'] }))).toBe(
      'error[file-not-found]: compose file "/w/shop/x.yaml" cannot be read: no such file',
    );
  });

  test('must not be empty', () => {
    expect(errorText(() => load({ files: { '/w/shop/compose.yaml': '# nothing\n' } }))).toContain(
      'error[empty-file]: the compose file is empty',
    );
    const blank = errorText(() => load({ files: { '/w/shop/compose.yaml': '\n' } }));
    expect(blank).toContain('--> compose.yaml:1:1\n');
  });

  test('may have a service of any profile that is named', () => {
    const text =
      'services: {a: {image: x, profiles: [p]}, b: {image: x, profiles: [p]}, c: {image: x, profiles: [q]}}';
    const { project } = load({ files: { '/w/shop/compose.yaml': text } }, { services: ['a'] });
    expect(Object.keys(project.services)).toEqual(['a', 'b']);
  });

  test('may hold several documents, merged in their order', () => {
    const text = `${one}\n---\nservices: {a: {tty: true}, b: {image: y}}`;
    const { project } = load({ files: { '/w/shop/compose.yaml': text } });
    expect(Object.keys(project.services)).toEqual(['a', 'b']);
    expect(project.services['a']?.tty).toBe(true);
  });
});

describe('variables', () => {
  const files = { '/w/shop/compose.yaml': one, '/w/shop/.env': 'TAG=env' };

  test.each<readonly [string, FakeHostOptions, Partial<LoadRequest>, string]>([
    ['of .env', { files }, {}, 'x:env'],
    ['of the caller win', { files, environment: { TAG: 'shell' } }, {}, 'x:shell'],
    [
      'of --env-file replace .env',
      { files: { ...files, '/w/shop/e': 'TAG=e' } },
      { envFiles: ['e'] },
      'x:e',
    ],
    [
      'of the last --env-file win',
      { files: { ...files, '/w/shop/e': 'TAG=e', '/w/shop/f': 'TAG=${TAG}f' } },
      { envFiles: ['e', 'f'] },
      'x:ef',
    ],
    [
      'of .env can be switched off',
      { files, environment: { COMPOSE_DISABLE_ENV_FILE: '1' } },
      {},
      'x:none',
    ],
    [
      'of .env can be switched off by .env itself',
      { files: { ...files, '/w/shop/.env': 'COMPOSE_DISABLE_ENV_FILE=t\nTAG=env' } },
      {},
      'x:none',
    ],
    [
      'of COMPOSE_ENV_FILES replace .env',
      { files: { ...files, '/w/shop/e': 'TAG=e' }, environment: { COMPOSE_ENV_FILES: 'e,' } },
      {},
      'x:e',
    ],
    [
      'of the working directory win over those beside the file',
      {
        files: {
          '/w/shop/.env': 'COMPOSE_FILE=sub/c.yaml\nTAG=top',
          '/w/shop/sub/.env': 'TAG=sub',
          '/w/shop/sub/c.yaml': one,
        },
      },
      {},
      'x:top',
    ],
    [
      'of the working directory are not read for a file elsewhere',
      { files: { '/w/shop/.env': 'TAG=top', '/w/shop/sub/c.yaml': one } },
      { files: ['sub/c.yaml'] },
      'x:none',
    ],
    [
      'of the first file that is not standard input',
      { files: { '/w/shop/sub/.env': 'TAG=sub', '/w/shop/sub/c.yaml': one }, stdin: one },
      { files: ['-', 'sub/c.yaml'] },
      'x:sub',
    ],
  ])('%s', (_name, ...[options, request, image]) => {
    expect(load(options, request).project.services['a']?.image).toBe(image);
  });

  test('must be reported where an env file is wrong', () => {
    const broken = { ...files, '/w/shop/.env': 'A=1\nB C=2\n' };
    expect(errorText(() => load({ files: broken }))).toContain('--> .env:2:1');
  });
});

describe('the project name', () => {
  const files = { '/w/My Shop_1.x/compose.yaml': one };
  const workingDirectory = '/w/My Shop_1.x';

  test.each<readonly [string, FakeHostOptions, Partial<LoadRequest>, string]>([
    ['comes from the directory', { files }, {}, 'myshop_1x'],
    [
      'comes from the file',
      { files: { '/w/My Shop_1.x/compose.yaml': `name: n\n${one}` } },
      {},
      'n',
    ],
    ['comes from the environment', { files, environment: { COMPOSE_PROJECT_NAME: 'e' } }, {}, 'e'],
    [
      'comes from -p',
      { files, environment: { COMPOSE_PROJECT_NAME: 'e' } },
      { projectName: 'p' },
      'p',
    ],
    [
      'comes from --project-directory',
      { files },
      { projectDirectory: '/other', files: ['compose.yaml'] },
      'other',
    ],
    [
      'is that of the last file that has one',
      {
        files: {
          '/w/My Shop_1.x/a.yaml': `name: a\n${one}`,
          '/w/My Shop_1.x/b.yaml': 'name: b-${X:-y}\n',
          '/w/My Shop_1.x/c.yaml': 'name: ""\n',
        },
      },
      { files: ['a.yaml', 'b.yaml', 'c.yaml'] },
      'b-y',
    ],
    [
      'is normalised where a file has it',
      { files: { '/w/My Shop_1.x/compose.yaml': `name: My.Shop\n${one}` } },
      {},
      'myshop',
    ],
    [
      'is not taken from an empty -p',
      { files, environment: { COMPOSE_PROJECT_NAME: 'e' } },
      { projectName: '' },
      'e',
    ],
  ])('%s', (_name, ...[options, request, name]) => {
    const host = fakeHost(options);
    expect(loadProject({ workingDirectory, ...request }, host).project.name).toBe(name);
  });

  test('must be one, when it is given', () => {
    expect(
      errorText(() => load({ files: { '/w/shop/compose.yaml': one } }, { projectName: 'UP' })),
    ).toBe(
      'error[invalid-project-name]: invalid project name "UP"\n  = hint: use lower-case letters, digits, hyphens and underscores, with a letter or digit first: "up"',
    );
  });

  test('must be known without judging the rest of the file, or without a file', () => {
    const broken = { '/w/shop/compose.yaml': 'name: n\nservices: {a: {imag: 1}}' };
    const request = { workingDirectory: '/w/shop' };
    expect(loadProjectName(request, fakeHost({ files: broken })).name).toBe('n');
    expect(loadProjectName({ ...request, projectName: 'p' }, fakeHost({})).name).toBe('p');
  });

  test.each<readonly [string, FakeHostOptions, string]>([
    ['from the environment, without a file', { environment: { COMPOSE_PROJECT_NAME: 'e' } }, 'e'],
    ['from .env, without a file', { files: { '/w/shop/.env': 'COMPOSE_PROJECT_NAME=v' } }, 'v'],
    [
      'from a file that is no YAML',
      {
        files: { '/w/shop/compose.yaml': 'services: [\nname: n-$X # c\n' },
        environment: { X: '1' },
      },
      'n-1',
    ],
    ['from the directory of such a file', { files: { '/w/shop/compose.yaml': 'a: [' } }, 'shop'],
    [
      'with an env file that is missing',
      { files: { '/w/shop/compose.yaml': 'name: n\nservices: {a: {image: x, env_file: no}}' } },
      'n',
    ],
  ])('must be known to commands that need nothing else, %s', (_name, options, name) => {
    expect(loadProjectName({ workingDirectory: '/w/shop' }, fakeHost(options)).name).toBe(name);
  });

  test('must not be empty in a file', () => {
    const files = { '/w/shop/compose.yaml': `name: $NO\n${one}` };
    expect(errorText(() => load({ files }))).toMatch(
      /^error\[invalid-project-name\][^]*compose\.yaml:1:7/,
    );
  });
});

test('what belongs to later files must be merged with positions of its own', () => {
  const files = {
    '/w/shop/a.yaml': 'services:\n  a:\n    image: x\n    ports: ["80:80"]\n',
    '/w/shop/b.yaml': 'services:\n  a:\n    ports:\n      - "90:90"\n',
  };
  const { project } = load({ files }, { files: ['a.yaml', 'b.yaml'] });
  const at = (index: number) => project.positionOf(['services', 'a', 'ports', index]);
  expect(at(0)).toEqual({ file: 'a.yaml', line: 4, column: 13 });
  expect(at(1)).toEqual({ file: 'b.yaml', line: 4, column: 9 });
  expect(project.positionOf(['services', 'a', 'image'])).toEqual({
    file: 'a.yaml',
    line: 3,
    column: 12,
  });
});
