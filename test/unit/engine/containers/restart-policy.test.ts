import { describe, expect, test } from 'vitest';
import { isSuccess, nextRestart } from '../../../../engine/containers/restart-policy.ts';

const crashed = {
  exitCode: 1,
  ranForMs: 5,
  isStoppedByUser: false,
  restartCount: 0,
  lastDelayMs: 0,
};

const slow = { ...crashed, lastDelayMs: 51_200 };

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
    ['a delay takes the place of the back-off', { Name: 'always', Delay: 5e9 }, slow, 5000],
    ['no delay leaves the back-off', { Name: 'always', Delay: 0 }, slow, 60_000],
    [
      'a delay of years waits as long as a timer can',
      { Name: 'always', Delay: 9e18 },
      crashed,
      2 ** 31 - 1,
    ],
    [
      'a restart that has succeeded is no attempt',
      { Name: 'on-failure', MaximumRetryCount: 3, Window: 1e9 },
      { ...crashed, restartCount: 7, goodRestarts: 5 },
      100,
    ],
    [
      'those that have not are counted',
      { Name: 'on-failure', MaximumRetryCount: 3, Window: 1e9 },
      { ...crashed, restartCount: 8, goodRestarts: 5 },
      null,
    ],
    [
      'after success as well, where that is asked for',
      { Name: 'on-failure', MaximumRetryCount: 3, AfterSuccess: true },
      { ...crashed, exitCode: 0 },
      100,
    ],
    [
      'not after the last attempt',
      { Name: 'on-failure', MaximumRetryCount: 3, AfterSuccess: true },
      { ...crashed, exitCode: 0, restartCount: 3 },
      null,
    ],
  ])('%s', (_name, policy, run, expected) => {
    expect(nextRestart(policy, run)).toBe(expected);
  });
});

test.each([
  ['shorter than the window', { Window: 1e9 }, 999, false],
  ['as long as the window', { Window: 1e9 }, 1000, true],
  ['without a window', {}, 1e9, false],
])(
  'a restart succeeds when it has lasted for the window: %s',
  (_name, policy, ranForMs, expected) => {
    expect(isSuccess(policy, ranForMs)).toBe(expected);
  },
);
