import { expect, test } from 'vitest';
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
