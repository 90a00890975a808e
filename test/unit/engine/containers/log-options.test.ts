import { describe, expect, test } from 'vitest';
import type { HostConfig } from '../../../../engine/api/index.ts';
import { neverRun, type ContainerRecord } from '../../../../engine/containers/container.ts';
import { logDetailsOf } from '../../../../engine/containers/log-details.ts';
import { logLimitsOf } from '../../../../engine/containers/log-options.ts';

describe('logLimitsOf', () => {
  test.each<[HostConfig['LogConfig'], number, number]>([
    [{}, 0, 1],
    [{ Type: 'local', Config: {} }, 20_000_000, 5],
    [{ Type: 'local', Config: { 'max-size': '10', 'max-file': '2' } }, 10, 2],
    [{ Type: 'none', Config: { 'max-size': '10' } }, 1_000_000, 2],
    ...(
      [
        ['10b', 10],
        ['10m', 10_000_000],
        ['1.5k', 1500],
        ['2 GB', 2_000_000_000],
        ['1kib', 1000],
      ] as const
    ).map(([text, bytes]): [HostConfig['LogConfig'], number, number] => [
      { Type: 'json-file', Config: { 'max-size': text } },
      bytes,
      1,
    ]),
  ])('%j is %d bytes in each of %d files', (LogConfig, maxBytes, maxFiles) => {
    expect(logLimitsOf({ LogConfig: LogConfig ?? {} })).toMatchObject({ maxBytes, maxFiles });
  });

  test.each<[HostConfig['LogConfig'], boolean]>([
    [{}, false],
    [{ Config: { 'max-size': '1k', 'max-file': '2' } }, false],
    [{ Config: { 'max-size': '1k', 'max-file': '2', compress: 'true' } }, true],
    [{ Type: 'local' }, true],
    [{ Type: 'local', Config: { compress: 'false' } }, false],
    [{ Type: 'local', Config: { 'max-file': '1' } }, false],
    [{ Type: 'syslog', Config: {} }, false],
    [{ Type: 'syslog', Config: { 'cache-compress': 'true' } }, true],
    [{ Type: 'none', Config: {} }, false],
  ])('%j compresses: %s', (LogConfig, isCompressed) => {
    expect(logLimitsOf({ LogConfig: LogConfig ?? {} }).isCompressed).toBe(isCompressed);
  });
});

describe('logDetailsOf', () => {
  const recordOf = (options: Readonly<Record<string, string>>): ContainerRecord => ({
    id: 'ab'.repeat(32),
    name: 'web',
    createdNs: '0',
    imageId: `sha256:${'c'.repeat(64)}`,
    config: {
      Image: 'app',
      Labels: { a: 'b', c: "x y,z(')", other: '1' },
      Env: ['E=1', 'FOO=2'],
      Cmd: ['sh', '-c'],
    },
    hostConfig: { LogConfig: { Type: 'json-file', Config: options } },
    endpoints: {},
    mounts: [],
    run: neverRun,
  });

  test.each<[Readonly<Record<string, string>>, string]>([
    [{}, ''],
    [{ labels: 'c,a,missing' }, 'a=b,c=x+y%2Cz%28%27%29'],
    [{ labels: 'a', 'labels-regex': '^oth' }, 'a=b,other=1'],
    [{ 'labels-regex': '^oth' }, ''],
    [{ env: 'E,X', 'env-regex': '^F' }, 'E=1,FOO=2'],
    [{ tag: '{{.Name}}/{{.ID}}' }, 'tag=web%2Fabababababab'],
    [{ tag: '{{ .ImageName }} {{.Command}}' }, 'tag=app+sh+-c'],
  ])('%j names %s', (options, expected) => {
    expect(logDetailsOf(recordOf(options))).toBe(expected);
  });
});
