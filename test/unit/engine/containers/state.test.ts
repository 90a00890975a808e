import { describe, expect, test } from 'vitest';
import { containerStatuses } from '../../../../engine/api/index.ts';
import { assertMove, canMove } from '../../../../engine/containers/state.ts';

describe('container state', () => {
  test('the table of legal moves is exactly this one', () => {
    const legal = containerStatuses.flatMap((from) =>
      containerStatuses.filter((to) => canMove(from, to)).map((to) => `${from} → ${to}`),
    );
    expect(legal.sort()).toEqual(
      [
        'created → removing',
        'created → running',
        'dead → removing',
        'exited → removing',
        'exited → running',
        'paused → exited',
        'paused → running',
        'removing → dead',
        'restarting → exited',
        'restarting → running',
        'running → exited',
        'running → paused',
        'running → restarting',
      ].sort(),
    );
  });

  test('an illegal move is a conflict that names both ends', () => {
    expect(() => {
      assertMove('web', 'paused', 'removing');
    }).toThrow('container "web" is paused, it cannot become removing');
  });
});
