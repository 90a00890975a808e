import { expect, test } from 'vitest';
import { PathTable } from '../../../../compose/load/tree-path.ts';

const table = new PathTable([
  ['services.*.ports.[]', 'port'],
  ['services.*.*', 'any attribute'],
  ['services.web.image', 'the image of web'],
  ['services.*.networks.*.aliases', 'aliases'],
  ['services.*.networks.main', 'main'],
]);

test.each([
  [['services', 'web', 'ports', 0], 'port'],
  [['services', 'web', 'ports', '0'], undefined],
  [['services', 'web', 'image'], 'the image of web'],
  [['services', 'api', 'image'], 'any attribute'],
  [['services', 'web', 'networks'], 'any attribute'],
  // Both patterns go on below "main", which one of them names.
  [['services', 'web', 'networks', 'main'], 'main'],
  [['services', 'web', 'networks', 'main', 'aliases'], 'aliases'],
  [['services', 'web', 'networks', 'other', 'aliases'], 'aliases'],
  [['services', 'web', 'networks', 'other'], undefined],
  [['services'], undefined],
  [['volumes', 'data'], undefined],
  [['services', '__proto__', 'constructor'], 'any attribute'],
])('%j must lead to %j', (path, value) => {
  expect(table.match(path)).toBe(value);
});

test('a walk must end where no pattern goes on', () => {
  expect(table.root.at('volumes')).toBeNull();
  expect(table.root.at('services')?.at('web')?.at('image')?.at('x')).toBeNull();
});

test('one pattern twice must be refused', () => {
  const twice = new PathTable([
    ['a.*', 1],
    ['a.*', 2],
  ]);
  expect(() => twice.match(['a'])).toThrow('stands twice');
});
