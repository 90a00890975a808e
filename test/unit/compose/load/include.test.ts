import { describe, expect, test } from 'vitest';
import { errorText, type FakeHostOptions, loadText } from '../lib/host.ts';

type Files = Readonly<Record<string, string>>;

/** Loads /shop/compose.yaml, which includes; `files` are below /shop. */
function load(text: string, files: Files, options: FakeHostOptions = {}) {
  const all = Object.entries(files).map(([name, content]) => [`/shop/${name}`, content]);
  return loadText(text, { ...options, files: Object.fromEntries(all) as Files }).project;
}

const service = 'services: {i: {image: "i:${V:-none}", environment: [V, W], volumes: ["./d:/d"]}}';

/** compose-spec 14-include; rows CX-5 to CX-9. */
describe('variables of an included project', () => {
  test.each<
    readonly [string, string, Files, Record<string, string>, Record<string, string | null>]
  >([
    ['its own .env', 's/i.yaml', { 's/.env': 'V=s' }, {}, { V: 's', W: null }],
    [
      'the including project first',
      's/i.yaml',
      { 's/.env': 'V=s\nW=s', '.env': 'V=top' },
      {},
      { V: 'top', W: 's' },
    ],
    [
      'the shell before all',
      's/i.yaml',
      { 's/.env': 'V=s' },
      { V: 'shell' },
      { V: 'shell', W: null },
    ],
    [
      'an env file of the include',
      '{path: s/i.yaml, env_file: e}',
      { 's/.env': 'V=s', e: 'V=e' },
      {},
      { V: 'e', W: null },
    ],
    [
      'several, the last wins and sees the others',
      '{path: s/i.yaml, env_file: [e, f]}',
      { e: 'V=1\nW=2', f: 'V=3$W' },
      {},
      { V: '32', W: '2' },
    ],
    [
      'none, by /dev/null',
      '{path: s/i.yaml, env_file: /dev/null}',
      { 's/.env': 'V=s' },
      {},
      { V: null, W: null },
    ],
    [
      'the .env of its project directory',
      '{path: s/i.yaml, project_directory: p}',
      { 's/.env': 'V=s', 'p/.env': 'V=p' },
      {},
      { V: 'p', W: null },
    ],
    [
      'the including .env inside its own',
      's/i.yaml',
      { 's/.env': 'V=${W}x', '.env': 'W=top' },
      {},
      { V: 'topx', W: 'top' },
    ],
  ])('%s', (...[, entry, files, environment, expected]) => {
    const project = load(`include: [${entry}]`, { ...files, 's/i.yaml': service }, { environment });
    expect(project.services['i']?.environment).toEqual(expected);
    expect(project.services['i']?.image).toBe(`i:${expected['V'] ?? 'none'}`);
  });

  test('must not reach the including file', () => {
    const text = 'include: [s/i.yaml]\nservices: {m: {image: m, environment: [V]}}';
    const project = load(text, { 's/i.yaml': service, 's/.env': 'V=s' });
    expect(project.services['m']?.environment).toEqual({ V: null });
  });
});

describe('paths of an included project', () => {
  test.each([
    ['s/i.yaml', '/shop/s/d'],
    ['{path: s/i.yaml, project_directory: .}', '/shop/d'],
    ['{path: s/i.yaml, project_directory: p}', '/shop/p/d'],
    ['{path: ["s/i.yaml", "o.yaml"]}', '/shop/s/d'],
    ['"${DIR:-s}/i.yaml"', '/shop/s/d'],
  ])('of %s must be below its directory', (entry, source) => {
    const files = { 's/i.yaml': service, 'o.yaml': 'services: {i: {tty: true}}' };
    const project = load(`include: [${entry}]`, files);
    expect(project.services['i']?.volumes?.[0]?.source).toBe(source);
  });

  test('must be those of each level, when includes include', () => {
    const files = {
      's/a.yaml': 'include: [t/i.yaml]\nservices: {a: {build: .}}',
      's/t/i.yaml': service,
    };
    const project = load('include: [s/a.yaml]', files);
    expect(project.services['a']?.build?.context).toBe('/shop/s');
    expect(project.services['i']?.volumes?.[0]?.source).toBe('/shop/s/t/d');
  });
});

describe('what both define', () => {
  test('must be merged, the including file on top', () => {
    const text =
      'include: [i.yaml]\nservices: {i: {image: mine, environment: {B: 2}, ports: ["80:80"]}}';
    const files = {
      'i.yaml': 'services: {i: {image: i, environment: {A: 1, B: 1}, ports: ["81:81"]}}',
    };
    const own = load(text, files).services['i'];
    expect(own?.image).toBe('mine');
    expect(own?.environment).toEqual({ A: '1', B: '2' });
    expect(own?.ports?.map(({ published }) => published)).toEqual(['81', '80']);
  });

  test('must obey reset and override of the including file', () => {
    const text =
      'include: [i.yaml]\nservices: {i: {ports: !override ["80:80"], environment: {A: !reset null}, dns: !reset []}}';
    const files = {
      'i.yaml':
        'services: {i: {image: i, environment: {A: 1, B: 1}, ports: ["81:81"], dns: 1.1.1.1}}',
    };
    const own = load(text, files).services['i'];
    expect(own?.environment).toEqual({ B: '1' });
    expect(own?.ports?.map(({ published }) => published)).toEqual(['80']);
    expect(own?.dns).toBeUndefined();
  });

  test('must not be doubled, when two includes bring the same', () => {
    const files = {
      'a.yaml': 'include: [i.yaml]\nservices: {a: {image: a}}',
      'b.yaml': 'include: [i.yaml]\nservices: {b: {image: b}}',
      'i.yaml':
        'services: {i: {image: i, deploy: {placement: {constraints: [node.role==manager]}}}}',
    };
    const project = load('include: [a.yaml, b.yaml]', files);
    expect(Object.keys(project.services)).toEqual(['a', 'b', 'i']);
    expect(project.services['i']?.deploy?.placement.constraints).toEqual(['node.role==manager']);
  });

  test('must leave name and extensions of the included file behind', () => {
    const project = load('name: outer\ninclude: [i.yaml]', {
      'i.yaml': 'name: inner\nx-a: 1\nservices: {i: {image: "${COMPOSE_PROJECT_NAME}"}}',
    });
    expect([project.name, project.extensions]).toEqual(['outer', {}]);
    expect(project.services['i']?.image).toBe('outer');
  });
});

test('a service must be able to extend an included one', () => {
  const text = 'include: [s/i.yaml]\nservices: {m: {extends: i, tty: true, volumes: !reset []}}';
  const own = load(text, { 's/i.yaml': service, 's/.env': 'V=s' }).services['m'];
  expect(own).toMatchObject({ image: 'i:s', tty: true, environment: { V: 's', W: null } });
  expect(own?.volumes).toBeUndefined();
});

test.each<readonly [string, string, Files, RegExp]>([
  ['a missing file', 'include:\n  - nope.yaml', {}, /no such file\n +--> compose\.yaml:2:5/],
  ['a directory', 'include: [s]', { 's/x': '' }, /it is a directory\n +--> compose\.yaml:1:11/],
  ['no path', 'include: [{path: []}]', {}, /an include needs a path/],
  [
    'itself',
    'include: [compose.yaml]',
    {},
    /in a circle: compose\.yaml → compose\.yaml\n +--> compose\.yaml:1:11/,
  ],
  [
    'a file that includes it',
    'include: [a.yaml]',
    { 'a.yaml': 'include:\n- compose.yaml' },
    /in a circle: compose\.yaml → a\.yaml → compose\.yaml\n +--> a\.yaml:2:3/,
  ],
  [
    'a missing env file',
    'include:\n  - path: i.yaml\n    env_file: [no.env]',
    { 'i.yaml': service },
    /env file "\/shop\/no\.env" cannot be read: no such file\n +--> compose\.yaml:3:16/,
  ],
  [
    'a mistake in it',
    'include: [i.yaml]',
    { 'i.yaml': 'services: {i: {imag: i}}' },
    /--> i\.yaml:1:16/,
  ],
])('%s must be an error at its place', (_name, text, files, expected) => {
  expect(errorText(() => load(text, files))).toMatch(expected);
});
