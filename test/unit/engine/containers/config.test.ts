import { describe, expect, test } from 'vitest';
import {
  argumentsOf,
  mergeConfig,
  mergeEnvironment,
} from '../../../../engine/containers/config.ts';
import { describeDuration, formatTime } from '../../../../engine/containers/time.ts';

const id = 'abcdef012345'.padEnd(64, '0');
const image = { Entrypoint: ['/entry'], Cmd: ['serve'], Env: ['A=1', 'B=2'], WorkingDir: '/srv' };

describe('the command of a container', () => {
  test.each([
    ['nothing asked: the image decides', {}, ['/entry', 'serve']],
    ['a command replaces the image command', { Cmd: ['x'] }, ['/entry', 'x']],
    ['an entrypoint drops the image command', { Entrypoint: ['/e'] }, ['/e']],
    ['both replace both', { Entrypoint: ['/e'], Cmd: ['x'] }, ['/e', 'x']],
    ['an emptied entrypoint leaves the command', { Entrypoint: [''], Cmd: ['x'] }, ['x']],
  ])('%s', (_name, request, expected) => {
    expect(argumentsOf(mergeConfig(image, request, id))).toEqual(expected);
  });
});

describe('the rest of a configuration', () => {
  test('the host name is the short id unless told', () => {
    expect(mergeConfig(image, {}, id).Hostname).toBe('abcdef012345');
    expect(mergeConfig(image, { Hostname: 'web' }, id).Hostname).toBe('web');
  });

  test('labels of the container win over those of the image', () => {
    const merged = mergeConfig({ Labels: { a: '1', b: '1' } }, { Labels: { b: '2' } }, id);
    expect(merged.Labels).toEqual({ a: '1', b: '2' });
  });

  test('the environment is merged by name, PATH is there, a bare name removes', () => {
    expect(mergeEnvironment(['A=1', 'B=2'], ['B=3', 'C=', 'A'])).toEqual([
      'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
      'B=3',
      'C=',
    ]);
  });
});

describe('times', () => {
  test.each([
    [0n, '0001-01-01T00:00:00Z'],
    [1_700_000_000_000_000_000n, '2023-11-14T22:13:20Z'],
    [1_700_000_000_120_000_000n, '2023-11-14T22:13:20.12Z'],
    [1_700_000_000_000_000_001n, '2023-11-14T22:13:20.000000001Z'],
  ])('%s is %s', (ns, expected) => {
    expect(formatTime(ns)).toBe(expected);
  });

  // The left column is go-units' own table of HumanDuration.
  test.each([
    [0.45, 'Less than a second'],
    [1, '1 second'],
    [45, '45 seconds'],
    [60, 'About a minute'],
    [3 * 60, '3 minutes'],
    [60 * 60, 'About an hour'],
    [3 * 3600, '3 hours'],
    [35 * 3600, '35 hours'],
    [3 * 86_400, '3 days'],
    [2 * 7 * 86_400, '2 weeks'],
    [3 * 30 * 86_400, '3 months'],
    [3 * 365 * 86_400, '3 years'],
  ])('%f seconds are "%s"', (seconds, expected) => {
    expect(describeDuration(seconds)).toBe(expected);
  });
});
