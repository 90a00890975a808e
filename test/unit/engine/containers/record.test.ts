import { describe, expect, test } from 'vitest';
import { neverRun } from '../../../../engine/containers/container.ts';
import { readContainerRecord } from '../../../../engine/containers/record.ts';
import { recordOf } from './records.ts';

describe('a container’s record', () => {
  const body = { ...recordOf() };

  test('must be read as it was written', () => {
    expect(readContainerRecord(body, 1)).toEqual(body);
  });

  test.each([0, 2])('of schema %d is not ours', (schema) => {
    expect(readContainerRecord(body, schema)).toBeNull();
  });

  test.each<[string, Record<string, unknown>, string]>([
    ['no id', { id: undefined }, '"id" is not a text'],
    ['a number for a name', { name: 3 }, '"name" is not a text'],
    ['no configuration', { config: null }, '"config" is not an object'],
    ['a list of endpoints', { endpoints: [] }, '"endpoints" is not an object'],
    ['an object of mounts', { mounts: {} }, '"mounts" is not a list'],
    ['an unknown status', { run: { ...neverRun, status: 'lost' } }, 'unknown status "lost"'],
    ['a time that is none', { run: { ...neverRun, startedNs: '-1' } }, '"startedNs" is not a time'],
    [
      'a text for an exit code',
      { run: { ...neverRun, exitCode: '0' } },
      '"exitCode" is not a number',
    ],
  ])('with %s must be refused', (_name, change, message) => {
    expect(() => readContainerRecord({ ...body, ...change }, 1)).toThrow(message);
  });
});
