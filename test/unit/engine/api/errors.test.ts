import { describe, expect, test } from 'vitest';

import { EngineError, kindOf, statusOf, toErrorBody } from '../../../../engine/api/index.ts';

describe('error kinds', () => {
  test('every kind must travel as a status of its own and come back as itself', () => {
    const table = Object.entries(statusOf).map(([kind, status]) => `${kind} ${status}`);
    expect(table).toEqual([
      'not-modified 304',
      'invalid-argument 400',
      'unauthorized 401',
      'forbidden 403',
      'not-found 404',
      'conflict 409',
      'internal 500',
      'not-implemented 501',
      'unavailable 503',
    ]);
    for (const [kind, status] of Object.entries(statusOf)) expect(kindOf(status)).toBe(kind);
  });

  test.each([
    [418, 'invalid-argument'],
    [405, 'invalid-argument'],
    [502, 'internal'],
    [302, 'internal'],
  ])('status %i of another engine must be %s', (status, kind) => {
    expect(kindOf(status)).toBe(kind);
  });

  test('a body must hold what the user is to see, and no more', () => {
    const cause = new Error('secret');
    const error = new EngineError('conflict', 'taken', {
      hint: 'wait',
      details: { port: '80' },
      cause,
    });
    expect(toErrorBody(error)).toEqual({ message: 'taken', hint: 'wait', details: { port: '80' } });
    expect(toErrorBody(new EngineError('internal', 'x', { cause }))).toEqual({ message: 'x' });
    expect(error.cause).toBe(cause);
  });
});
