import { expect, test } from 'vitest';
import { loadModel, renderModel } from '../../../../compose/index.ts';
import { fakeHost } from '../lib/host.ts';

function shown(files: Readonly<Record<string, string>>, environment = {}): string {
  const request = { workingDirectory: '/shop', files: Object.keys(files) };
  return renderModel(loadModel(request, fakeHost({ files, environment })).model, 'yaml');
}

/** What docker compose 2.40.3 prints with --no-interpolate below `services.a`, as far as it is of that attribute. */
test.each([
  ['image: "${I:-x}"', 'image: ${I:-x}'],
  [
    'volumes: ["${D:-/d}/x:/t/:ro"]',
    'volumes:\n  - read_only: true\n    source: ${D:-/d}/x\n    target: /t\n    type: volume\n    volume: {}',
  ],
  ['volumes: ["aa:bb:cc:dd"]', 'volumes:\n  - aa:bb:cc:dd'],
  ['ports: ["80", "${P:-8080}:80"]', 'ports:\n  - "80"\n  - ${P:-8080}:80'],
  ['ports: ["80"]', 'ports:\n  - mode: ingress\n    protocol: tcp\n    target: 80'],
  ['environment: [A, B=1]', 'environment:\n  - A\n  - B=1'],
  ['environment: {A: , B: 1}', 'environment:\n  A: null\n  B: 1'],
  ['mem_limit: 10m', 'mem_limit: 10m'],
  ['pull_policy: "${P:-always}"', 'pull_policy: ${P:-always}'],
  ['ulimits: {core: 0}', 'ulimits:\n  core: 0'],
  ['depends_on: [b]', 'depends_on:\n  b:\n    condition: service_started\n    required: true'],
  ['command: echo $$HOME', 'command: echo $$HOME'],
])('%s must be shown as it was typed', (typed, expected) => {
  const text = shown({ '/shop/c.yaml': `services: {a: {network_mode: none, ${typed}}}` });
  const lines = text.split('\n').filter((line) => line.startsWith('    '));
  const own = lines.map((line) => line.slice(4)).filter((line) => line !== 'network_mode: none');
  expect(own.join('\n')).toBe(expected);
});

test('merged entries must be texts, the later in place of the earlier', () => {
  const base = 'services: {a: {image: i, environment: {B: 1, A: , C: "${C}"}, labels: [x=1]}}';
  const over = 'services: {a: {environment: [C=2, D], labels: {x: 3}}}';
  const text = shown({ '/shop/1.yaml': base, '/shop/2.yaml': over });
  expect(text.slice(text.indexOf('    environment'), text.indexOf('    networks'))).toBe(
    `    environment:
      - A
      - B=1
      - C=2
      - D
    image: i
    labels:
      - x=3
`,
  );
});

test('build arguments without a value must go, whoever has one', () => {
  const file =
    'services: {a: {build: {context: ., args: [A, B=1]}}, b: {build: {context: ., args: {A: , B: 1}}}}';
  const text = shown({ '/shop/c.yaml': file }, { A: 'x' });
  expect(text.match(/args:\n.*/gu)).toEqual(['args:\n        - B=1', 'args:\n        B: 1']);
});

test('the name must be what is left of the typed one', () => {
  const text = shown({ '/shop/c.yaml': 'name: "${APP_NAME}-Shop"\nservices: {}' });
  expect(text).toContain('name: app_name-shop\n');
});
