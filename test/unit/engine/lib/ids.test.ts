import { describe, expect, test } from 'vitest';
import { createId, isId, resolvePrefix, shortId } from '../../../../engine/lib/index.ts';

describe('createId', () => {
  test('an id must have 64 hexadecimal digits, and two must differ', () => {
    const ids = Array.from({ length: 100 }, createId);
    expect(ids.every(isId)).toBe(true);
    expect(new Set(ids).size).toBe(100);
  });

  test('the short form must never be a number', () => {
    expect(
      Array.from({ length: 2000 }, createId).filter((id) => /^\d+$/.test(shortId(id))),
    ).toEqual([]);
  });
});

describe('resolvePrefix', () => {
  const ids = ['abc1', 'abc2', 'abd', 'ab'];

  test.each([
    ['a whole id', 'abd', { kind: 'found', id: 'abd' }],
    ['a beginning of one id', 'abd', { kind: 'found', id: 'abd' }],
    ['a whole id that others begin with', 'ab', { kind: 'found', id: 'ab' }],
    ['a beginning of several', 'abc', { kind: 'ambiguous', ids: ['abc1', 'abc2'] }],
    ['a beginning of none', 'x', { kind: 'missing' }],
    ['nothing', '', { kind: 'missing' }],
  ])('%s', (_, prefix, match) => {
    expect(resolvePrefix(ids, prefix)).toEqual(match);
  });
});
