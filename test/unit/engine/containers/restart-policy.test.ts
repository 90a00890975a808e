import { describe, expect, test } from 'vitest';
import { nextRestart } from '../../../../engine/containers/restart-policy.ts';

const crashed = {
  exitCode: 1,
  ranForMs: 5,
  isStoppedByUser: false,
  restartCount: 0,
  lastDelayMs: 0,
};

describe('a restart policy', () => {
  test.each([
    ['no leaves it down', { Name: 'no' }, crashed, null],
    ['an unset one leaves it down', {}, crashed, null],
    ['always restarts after success', { Name: 'always' }, { ...crashed, exitCode: 0 }, 100],
    ['always doubles the delay', { Name: 'always' }, { ...crashed, lastDelayMs: 800 }, 1600],
    [
      'always waits a minute at most',
      { Name: 'always' },
      { ...crashed, lastDelayMs: 51_200 },
      60_000,
    ],
    [
      'a run of ten seconds begins the back-off anew',
      { Name: 'always' },
      { ...crashed, lastDelayMs: 3200, ranForMs: 10_000 },
      100,
    ],
    ['a stop wins over always', { Name: 'always' }, { ...crashed, isStoppedByUser: true }, null],
    ['on-failure ignores success', { Name: 'on-failure' }, { ...crashed, exitCode: 0 }, null],
    [
      'on-failure without a limit restarts',
      { Name: 'on-failure' },
      { ...crashed, restartCount: 99 },
      100,
    ],
    [
      'on-failure:3 restarts a third time',
      { Name: 'on-failure', MaximumRetryCount: 3 },
      { ...crashed, restartCount: 2 },
      100,
    ],
    [
      'on-failure:3 does not restart a fourth time',
      { Name: 'on-failure', MaximumRetryCount: 3 },
      { ...crashed, restartCount: 3 },
      null,
    ],
  ])('%s', (_name, policy, run, expected) => {
    expect(nextRestart(policy, run)).toBe(expected);
  });
});
