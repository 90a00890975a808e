import { expect, test } from 'vitest';
import { Container } from '../../../../engine/containers/container.ts';
import { Containers } from '../../../../engine/containers/containers.ts';
import { chooseName } from '../../../../engine/containers/names.ts';
import { validateName } from '../../../../engine/containers/validate.ts';
import { recordOf } from './records.ts';

test('chosen names must be valid, and free however many are taken', () => {
  const containers = new Containers();
  for (let count = 0; count < 3000; count++) {
    const name = chooseName(containers);
    validateName(name);
    expect(containers.has(name)).toBe(false);
    containers.claimName(name, String(count));
  }
});

test('a container must be found by id, name and a prefix that is its alone', () => {
  const containers = new Containers();
  const [first, second, third] = [
    new Container(recordOf({ id: `ab1${'0'.repeat(61)}`, name: 'web' })),
    new Container(recordOf({ id: `ab2${'0'.repeat(61)}`, name: 'db' })),
    // A name that is a prefix of somebody's id: the name wins.
    new Container(recordOf({ id: `fff${'0'.repeat(61)}`, name: 'ab1' })),
  ] as const;
  for (const container of [first, second, third]) containers.add(container);
  const cases: readonly (readonly [string, Container | string])[] = [
    [first.id, first],
    ['web', first],
    ['/web', first],
    ['ab2', second],
    ['ab1', third],
    ['ab10', first],
    ['ab', 'Multiple IDs found with provided prefix: ab'],
    ['', 'No such container: '],
    ['/', 'No such container: /'],
    ['we', 'No such container: we'],
    ['AB2', 'No such container: AB2'],
  ];
  for (const [ref, expected] of cases) {
    if (typeof expected === 'string') expect(() => containers.find(ref)).toThrow(expected);
    else expect(containers.find(ref)).toBe(expected);
  }
});

test('a name must go only by the hand of who holds it', () => {
  const containers = new Containers();
  containers.claimName('web', 'one');
  containers.claimName('web', 'one');
  expect(() => {
    containers.claimName('web', 'two');
  }).toThrow('already in use by container "one"');
  containers.releaseName('web', 'two');
  expect(containers.has('web')).toBe(true);
  containers.releaseName('web', 'one');
  expect(containers.has('web')).toBe(false);
});
