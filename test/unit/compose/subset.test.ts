import { expect, test } from 'vitest';
import { subsetOf } from '../../../compose/index.ts';
import { errorText, loadText } from './lib/host.ts';

const { project } = loadText(`
services:
  web: {image: w, depends_on: [api], networks: [front], secrets: [key]}
  api:
    image: a
    volumes: ['data:/d']
    depends_on: {gone: {condition: service_started, required: false}}
  gone: {image: g, profiles: [never]}
  other:
    build: {context: ., secrets: [late]}
    networks: [back]
    configs: [conf]
    models: [m]
networks: {front: {}, back: {}}
volumes: {data: {}}
secrets: {key: {file: ./k}, late: {file: ./l}}
configs: {conf: {content: x}}
models: {m: {model: ai/m}}
`);

function keysOf(names: readonly string[], allResources = false): string {
  const part = subsetOf(project, names, { allResources });
  return (['services', 'networks', 'volumes', 'secrets', 'configs', 'models'] as const)
    .flatMap((section) => Object.keys(part[section]).map((key) => `${section}/${key}`))
    .join(' ');
}

test.each([
  [['web'], 'services/web services/api networks/default networks/front volumes/data secrets/key'],
  [['api'], 'services/api networks/default volumes/data'],
  [['other'], 'services/other networks/back secrets/late configs/conf models/m'],
])('%j must come with what it depends on, and with what these use', (names, keys) => {
  expect(keysOf(names).split(' ').sort()).toEqual(keys.split(' ').sort());
});

test('all resources must stay where that is asked for', () => {
  expect(keysOf(['api'], true)).toContain('networks/back');
});

test('a name that is no service must be refused with the nearest one', () => {
  expect(errorText(() => subsetOf(project, ['webb'])))
    .toBe(`error[no-service]: no such service: webb
  = did you mean "web"?`);
});
