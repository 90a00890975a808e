import { expect, test } from 'vitest';
import { loadText } from '../lib/host.ts';

/** Oddities that docker compose takes: each must load. */
test('a comment right behind a quote is a comment', () => {
  const text = 'services:\n  web:\n    image: "nginx"# the web\n    ports: ["80:80"]\n';
  expect(loadText(text).project.services['web']).toMatchObject({ image: 'nginx' });
});

test('an unknown key of an include is worth a warning at its place', () => {
  const text = 'include:\n  - path: db.yaml\n    envfile: a.env\nservices: {web: {image: nginx}}\n';
  const files = { '/shop/db.yaml': 'services: {db: {image: redis}}\n' };
  const { project, warnings } = loadText(text, { files });
  expect(Object.keys(project.services)).toEqual(['db', 'web']);
  expect(warnings).toEqual([
    {
      message: 'unknown key "envfile" in "include.0" has no effect: did you mean "env_file"?',
      position: { file: 'compose.yaml', line: 3, column: 5 },
    },
  ]);
});

const refusedByEngines = [
  ['restart: allways', '"restart" of service "web" cannot be "allways"'],
  ['hostname: my host', '"hostname" of service "web" cannot be "my host"'],
  ['expose: [abc]', '"expose" of service "web" has no port "abc"'],
  ['container_name: my web', '"container_name" of service "web" cannot be "my web"'],
  ['devices: [":/dev/a"]', 'a device of service "web" has no source'],
  [
    'volumes: [{type: volume, source: "", target: ""}]',
    'a volume mount of service "web" has no target',
  ],
] as const;

test.each(refusedByEngines)(
  'what engines refuse must stop up, and warn config: %s',
  (line, message) => {
    const text = `services:\n  web:\n    image: nginx\n    ${line}\n`;
    expect(() => loadText(text)).toThrow(message);
    const { warnings } = loadText(text, { request: { skip: { engineRules: true } } });
    expect(warnings).toMatchObject([{ message, position: { line: 4 } }]);
  },
);

test('an alias must reach an anchor of a document above', () => {
  const { project } = loadText('x-a: &a {image: nginx}\n---\nservices: {web: *a}\n');
  expect(project.services['web']).toMatchObject({ image: 'nginx' });
});

test.each([
  [
    'services: {web: {image: nginx, ports: !rest ["80"]}}\n',
    'the tag !rest says nothing to Compose: did you mean "!reset"?',
  ],
  [
    'services: {web: {image: nginx, develop: {watch: [{path: ., action: rebuild}]}}}\n',
    'service "web" has no build, so watch cannot rebuild it',
  ],
])('what the project can run with is worth a warning: %s', (text, message) => {
  expect(loadText(text).warnings).toMatchObject([{ message, position: { line: 1 } }]);
});

test('an unknown format of a file that is not there does not matter', () => {
  const file = '{path: none.env, required: false, format: odd}';
  expect(loadText(`services: {web: {image: nginx, env_file: [${file}]}}\n`).warnings).toEqual([]);
});

test('a warning must be kept for each file that deserves it', () => {
  const text = 'version: "3"\nservices: {web: {image: nginx}}\n';
  const { warnings } = loadText(text, {
    files: { '/shop/b.yaml': text },
    request: { files: ['compose.yaml', 'b.yaml'] },
  });
  expect(warnings.map(({ position }) => position?.file)).toEqual(['compose.yaml', 'b.yaml']);
});

test('a value that replaced another is shown with both places', () => {
  const files = { '/shop/b.yaml': 'services:\n  web:\n    mem_limit: 1zz\n' };
  const text = 'services:\n  web:\n    image: nginx\n    mem_limit: 1g\n';
  const load = (): unknown =>
    loadText(text, { files, request: { files: ['compose.yaml', 'b.yaml'] } });
  expect(load).toThrow(
    expect.objectContaining({
      errors: [
        expect.objectContaining({
          position: { file: 'b.yaml', line: 3, column: 16 },
          related: [
            {
              message: 'it overrides the value at',
              position: { file: 'compose.yaml', line: 4, column: 16 },
            },
          ],
        }),
      ],
    }),
  );
});

test('a named service must not be held by what others of its profile depend on', () => {
  const text = `services:
  job: {image: nginx, profiles: [job]}
  other: {image: nginx, profiles: [p], depends_on: [job]}
  web: {image: nginx, profiles: [p]}
  user: {image: nginx, profiles: [q], depends_on: [other]}
`;
  const named = (...services: readonly string[]): readonly string[] =>
    Object.keys(loadText(text, { request: { services } }).project.services);
  expect(named('web')).toEqual(['other', 'web']);
  const message = 'service "other" depends on service "job", which is not enabled';
  expect(() => named('other')).toThrow(message);
  expect(() => loadText(text, { request: { profiles: ['p'] } })).toThrow(message);
  expect(() => loadText(text, { request: { profiles: ['p', 'q'], services: ['user'] } })).toThrow(
    message,
  );
});
