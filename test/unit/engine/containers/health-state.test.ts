import { describe, expect, test } from 'vitest';
import {
  afterEnd,
  afterProbe,
  healthcheckProblems,
  healthSettings,
  newHealth,
  shapeHealth,
  untilNextProbe,
} from '../../../../engine/containers/health-state.ts';
import type { Health, HealthSettings } from '../../../../engine/containers/health-state.ts';
import { mergeConfig } from '../../../../engine/containers/config.ts';

const settings: HealthSettings = {
  args: ['true'],
  intervalMs: 30_000,
  startIntervalMs: 5000,
  timeoutMs: 30_000,
  startPeriodMs: 10_000,
  retries: 2,
};

/** Runs probes that end with these codes at these seconds after the start. */
function run(probes: readonly (readonly [seconds: number, exitCode: number])[]): Health {
  return probes.reduce<Health>((health, [seconds, exitCode]) => {
    const startNs = BigInt(seconds * 1e9);
    const result = { startNs, endNs: startNs + 5n, exitCode, output: `at ${seconds}` };
    return afterProbe(health, result, { settings, startedNs: 0n });
  }, newHealth);
}

function summary({ status, failingStreak, log }: Health): string {
  return `${status} ${failingStreak} ${log.length}`;
}

describe('the verdict', () => {
  test.each<[string, readonly (readonly [number, number])[], string]>([
    ['nobody has looked yet', [], 'starting 0 0'],
    ['one success is enough', [[1, 0]], 'healthy 0 1'],
    [
      'failures in the start period do not count',
      [
        [1, 1],
        [5, 1],
        [9, 1],
      ],
      'starting 0 3',
    ],
    ['a failure behind the start period counts', [[11, 1]], 'starting 1 1'],
    [
      'as many as retries are unhealthy',
      [
        [11, 1],
        [12, 7],
      ],
      'unhealthy 2 2',
    ],
    [
      'a success ends the start period',
      [
        [1, 0],
        [2, 1],
        [3, 1],
      ],
      'unhealthy 2 3',
    ],
    [
      'one failure leaves it healthy',
      [
        [1, 0],
        [2, 1],
      ],
      'healthy 1 2',
    ],
    [
      'a success forgives',
      [
        [11, 1],
        [12, 1],
        [13, 0],
      ],
      'healthy 0 3',
    ],
    [
      'a probe that could not be run fails',
      [
        [11, -1],
        [12, -1],
      ],
      'unhealthy 2 2',
    ],
    [
      'only the last five are kept',
      Array.from({ length: 9 }, (_, i) => [i, 0] as const),
      'healthy 0 5',
    ],
  ])('%s', (_name, probes, expected) => {
    expect(summary(run(probes))).toBe(expected);
  });

  test('the log must hold the last results, oldest first', () => {
    const { log } = run(Array.from({ length: 7 }, (_, second) => [second, 0] as const));
    expect(log.map(({ output }) => output)).toEqual(['at 2', 'at 3', 'at 4', 'at 5', 'at 6']);
  });

  test('a container that has ended is not healthy', () => {
    expect(afterEnd(run([[1, 0]])).status).toBe('unhealthy');
  });
});

test.each<[Health['status'], number, number]>([
  ['starting', 0, 5000],
  ['starting', 9999, 5000],
  ['starting', 10_000, 30_000],
  ['healthy', 0, 30_000],
  ['unhealthy', 0, 30_000],
])('%s, %i ms after the start, must be probed after %i ms', (status, sinceStartMs, expected) => {
  expect(untilNextProbe({ ...newHealth, status }, settings, sinceStartMs)).toBe(expected);
});

describe('settings', () => {
  test.each([
    [undefined, null],
    [{ Test: [] }, null],
    [{ Test: ['NONE'] }, null],
    [{ Test: ['CMD', 'curl', '-f', 'x'] }, ['curl', '-f', 'x']],
    [{ Test: ['CMD-SHELL', 'curl -f x || exit 1'] }, ['/bin/sh', '-c', 'curl -f x || exit 1']],
  ])('%j must run %j', (Healthcheck, args) => {
    const config = Healthcheck === undefined ? {} : { Healthcheck };
    expect(healthSettings(config)?.args ?? null).toEqual(args);
  });

  test('the shell of the image must run a shell command', () => {
    const config = { Shell: ['/bin/bash', '-ec'], Healthcheck: { Test: ['CMD-SHELL', 'a'] } };
    expect(healthSettings(config)?.args).toEqual(['/bin/bash', '-ec', 'a']);
  });

  test('zero must be the default, anything else nanoseconds', () => {
    const of = (check: object): HealthSettings | null =>
      healthSettings({ Healthcheck: { Test: ['CMD', 'x'], ...check } });
    expect(of({ Interval: 0, Retries: 0 })).toEqual({
      args: ['x'],
      intervalMs: 30_000,
      startIntervalMs: 5000,
      timeoutMs: 30_000,
      startPeriodMs: 0,
      retries: 3,
    });
    expect(of({ Interval: 2e9, Timeout: 5e8, StartPeriod: 1e9, Retries: 7 })).toMatchObject({
      intervalMs: 2000,
      timeoutMs: 500,
      startPeriodMs: 1000,
      retries: 7,
    });
  });

  test('what a request leaves out must come from the image', () => {
    const image = { Healthcheck: { Test: ['CMD', 'image'], Interval: 1e9, Retries: 5 } };
    const id = 'a'.repeat(64);
    const merged = mergeConfig(image, { Healthcheck: { Interval: 2e9, Retries: 0 } }, id);
    expect(merged.Healthcheck).toEqual({ Test: ['CMD', 'image'], Interval: 2e9, Retries: 5 });
    expect(mergeConfig(image, {}, id).Healthcheck).toEqual(image.Healthcheck);
  });

  test('what cannot be must be told, all at once', () => {
    expect(
      healthcheckProblems({ Test: ['curl', 'x'], Interval: 5, StartPeriod: -1, Retries: -1 }),
    ).toEqual([
      'Interval in Healthcheck cannot be less than 1ms',
      'StartPeriod in Healthcheck cannot be less than 1ms',
      'Retries in Healthcheck cannot be negative',
      "Unknown healthcheck type 'curl' (expected 'CMD')",
    ]);
    expect(healthcheckProblems({ Test: ['NONE'], Timeout: 1e6 })).toEqual([]);
  });
});

test('inspect must show what Docker shows', () => {
  expect(shapeHealth(run([[11, 3]]), (ns) => `t${ns}`)).toEqual({
    Status: 'starting',
    FailingStreak: 1,
    Log: [{ Start: 't11000000000', End: 't11000000005', ExitCode: 3, Output: 'at 11' }],
  });
});
