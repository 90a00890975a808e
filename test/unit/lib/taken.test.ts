import { expect, test } from 'vitest';
import { Taken } from '../../lib/taken.ts';

test('what was taken must all be given back, the last first, and what failed be told', async () => {
  const ended: string[] = [];
  const taken = new Taken();
  taken.defer(() => ended.push('first'));
  taken.defer(() => {
    throw new Error('one');
  });
  taken.defer(() => Promise.reject(new Error('other')));
  taken.use({
    [Symbol.asyncDispose]: () => {
      ended.push('last');
      return Promise.resolve();
    },
  });
  await expect(taken[Symbol.asyncDispose]()).rejects.toThrow('Error: other; Error: one');
  expect(ended).toEqual(['last', 'first']);
  await taken[Symbol.asyncDispose]();
});
