import { expect, test } from 'vitest';
import { composeErrorsOf } from '../../../../compose/index.ts';
import { errorText, loadText } from '../lib/host.ts';

const bomb = [
  'x-a: &a [x, x, x, x, x, x, x, x, x, x]',
  ...['b', 'c', 'd', 'e', 'f', 'g', 'h', 'i'].map((name, index) => {
    const before = String.fromCharCode('a'.charCodeAt(0) + index);
    return `x-${name}: &${name} [${Array.from({ length: 10 }, () => `*${before}`).join(', ')}]`;
  }),
  'services: {web: {image: nginx}}',
].join('\n');

test.each([
  ['an alias bomb', bomb],
  ['nested lists', `x-a: ${'['.repeat(50_000)}`],
  ['closed nested lists', `x-a: ${'['.repeat(2_000)}${']'.repeat(2_000)}`],
  ['nested maps', `x-a: ${'{a: '.repeat(5_000)}`],
  ['nested block lists', `x-a:\n  ${'- '.repeat(5_000)}x`],
  ['an anchor within itself', 'x-a: &a {b: *a}'],
  ['anchors within each other', 'x-a: &a {b: &b {c: *a, d: *b}}'],
  ['a merge of itself', 'services: &s\n  web:\n    <<: *s'],
])('%s must be rejected quickly', (_name, text) => {
  const before = performance.now();
  expect(errorText(() => loadText(text))).toMatch(/^error\[(alias-limit|too-deep|yaml-syntax)\]/);
  expect(performance.now() - before).toBeLessThan(2_000);
});

test.each(['__proto__', 'constructor', 'toString', 'hasOwnProperty'])(
  '%s must be a name like any other',
  (name) => {
    const text = `
services:
  ${name}:
    image: nginx
    environment: {${name}: a}
    labels: {${name}: b}
    volumes: ["${name}:/data"]
    networks: [${name}]
volumes: {${name}: }
networks: {${name}: }
`;
    const { project } = loadText(text);
    expect(Object.keys(project.services)).toEqual([name]);
    expect(Object.entries(project.services[name]?.environment ?? {})).toEqual([[name, 'a']]);
    expect(Object.keys(project.volumes)).toEqual([name]);
    expect(({} as Record<string, unknown>)['image']).toBeUndefined();
  },
);

test('a loaded project must be frozen all the way down', () => {
  const { project } = loadText('services: {web: {image: nginx, ports: ["80:80"]}}');
  expect(Object.isFrozen(project)).toBe(true);
  expect(Object.isFrozen(project.services['web']?.ports?.[0])).toBe(true);
});

const seeds = [
  'services:\n  web:\n    image: nginx:${TAG:-1}\n    ports: ["8080:80", {target: 81}]\n    volumes: [data:/d, ./x:/y:ro]\n    environment: {A: 1, B: }\n    depends_on: {db: {condition: service_healthy}}\n    deploy: {replicas: 2, resources: {limits: {memory: 50m}}}\n  db:\n    image: redis\n    healthcheck: {test: [CMD, x], interval: 5s}\nvolumes:\n  data: {labels: [a=b]}\n',
  'name: p\nx-a: &a\n  image: x\n  labels: [a, b=c]\nservices:\n  a:\n    <<: *a\n    command: echo "x"\n    extends: {service: b}\n  b:\n    <<: [*a]\n    build: {context: ., args: [A]}\n    secrets: [s]\n    networks: {n: {aliases: [z]}}\nnetworks: {n: {ipam: {config: [{subnet: 10.0.0.0/8}]}}}\nsecrets: {s: {environment: X}}\n',
];

/** A small generator of its own, so that a failing case can be run again. */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

const scraps = [
  '{',
  '}',
  '[',
  ']',
  ':',
  '-',
  '\n',
  ' ',
  '\t',
  '&a ',
  '*a',
  '"',
  "'",
  '$',
  '${',
  '0',
  '~',
  '!reset ',
  '!override ',
  '<<: ',
  '|',
  '>',
  '#',
  '\u0000',
  '__proto__',
  'null',
  '1e999',
  '2020-01-01',
  '\r\n',
  '---\n',
  '? ',
];

function mutate(text: string, next: () => number): string {
  let result = text;
  const count = 1 + Math.floor(next() * 4);
  for (let round = 0; round < count; round += 1) {
    const at = Math.floor(next() * result.length);
    const length = Math.floor(next() * 6);
    const scrap = scraps[Math.floor(next() * scraps.length)] ?? '';
    const from = Math.floor(next() * result.length);
    const insert = next() < 0.5 ? scrap : result.slice(from, from + Math.floor(next() * 20));
    result = result.slice(0, at) + insert + result.slice(at + length);
  }
  return result;
}

test.each(seeds.map((text, index) => ({ text, index })))(
  'loading random mutations of a file must fail with positions or not at all ($index)',
  ({ text, index }) => {
    const next = random(index + 1);
    for (let round = 0; round < 300; round += 1) {
      const mutated = mutate(text, next);
      try {
        loadText(mutated);
      } catch (error) {
        const errors = composeErrorsOf(error);
        if (errors === null)
          throw new Error(`untyped error for ${JSON.stringify(mutated)}`, { cause: error });
        expect(errors.length).toBeGreaterThan(0);
      }
    }
  },
);
