import { describe, expect, test } from 'vitest';
import type { ContainerCreateRequest } from '../../../../engine/api/index.ts';
import { validateCreate, validateName } from '../../../../engine/containers/validate.ts';

type Host = NonNullable<ContainerCreateRequest['HostConfig']>;

function outcome(request: ContainerCreateRequest): string {
  try {
    return `accepted ${validateCreate(request).join('; ')}`.trim();
  } catch (error) {
    const { kind, message } = error as { kind: string; message: string };
    return `${kind}: ${message}`;
  }
}

describe('a creation request', () => {
  const policy = (Name: string, MaximumRetryCount = 0): Host => ({
    RestartPolicy: { Name, MaximumRetryCount },
  });
  test.each<readonly [string, Host, string]>([
    ['nothing', {}, 'accepted'],
    ['on-failure:3', policy('on-failure', 3), 'accepted'],
    [
      'an unknown policy',
      policy('sometimes'),
      "invalid-argument: invalid restart policy: unknown policy 'sometimes'; use one of 'no', 'always', 'on-failure', or 'unless-stopped'",
    ],
    [
      'always:3',
      policy('always', 3),
      "invalid-argument: invalid restart policy: maximum retry count can only be used with 'on-failure'",
    ],
    [
      '--rm with a policy',
      { ...policy('always'), AutoRemove: true },
      "invalid-argument: can't create 'AutoRemove' container with restart policy",
    ],
    ['--rm with "no"', { ...policy('no'), AutoRemove: true }, 'accepted'],
    ['the pid namespace of the host', { PidMode: 'host' }, 'accepted'],
    ['another container’s network', { NetworkMode: 'container:x' }, 'accepted'],
    [
      'a network of nobody, with ports',
      { NetworkMode: 'container:', PublishAllPorts: true },
      'invalid-argument: invalid network mode: invalid container format container:<name|id>; conflicting options: port publishing and the container type network mode',
    ],
    ...(
      [
        [{ PidMode: 'foo' }, 'invalid PID mode: foo'],
        [{ PidMode: 'container:' }, 'invalid PID mode: container:'],
        [{ IpcMode: 'foo' }, 'invalid IPC mode: foo'],
        [{ UTSMode: 'container:x' }, 'invalid UTS mode: container:x'],
        [{ UsernsMode: 'foo' }, 'invalid user namespace mode: foo'],
        [{ CgroupnsMode: 'foo' }, 'invalid cgroup namespace mode: foo'],
        [{ Isolation: 'hyperv' }, "invalid isolation (hyperv): linux only supports 'default'"],
        [{ OomScoreAdj: -1001 }, 'Invalid value -1001, range for oom score adj is [-1000, 1000]'],
        [
          { Annotations: { '': 'x' } },
          'invalid Annotations: the empty string is not permitted as an annotation key',
        ],
        [{ StorageOpt: { foo: '1' } }, 'Unknown option foo'],
        [
          { StorageOpt: { size: '1G' } },
          "--storage-opt is supported only for overlay over xfs with 'pquota' mount option",
        ],
        [{ SecurityOpt: ['foo=bar'] }, 'invalid --security-opt 2: "foo=bar"'],
      ] as const
    ).map(
      ([host, message]) => [JSON.stringify(host), host, `invalid-argument: ${message}`] as const,
    ),
    ...(
      [
        [
          'gelf',
          {},
          'the logging driver "gelf" is not served by this engine (there are: json-file, local, none, syslog, fluentd)',
        ],
        ['json-file', { x: '1' }, "unknown log opt 'x' for json-file log driver"],
        ['local', { labels: 'a' }, "unknown log opt 'labels' for log driver local"],
        ['', { mode: 'foo' }, 'logger: logging mode not supported: foo'],
        [
          '',
          { 'max-buffer-size': '1m' },
          "logger: max-buffer-size option is only supported with 'mode=non-blocking'",
        ],
        [
          '',
          { mode: 'non-blocking', 'max-buffer-size': 'z' },
          "error parsing option max-buffer-size: invalid size: 'z'",
        ],
        ['', { 'max-size': 'zz' }, "failed to initialize logging driver: invalid size: 'zz'"],
        ['', { 'max-size': '-1' }, "failed to initialize logging driver: invalid size: '-1'"],
        [
          '',
          { 'max-size': '0' },
          'failed to initialize logging driver: max-size must be a positive number',
        ],
        [
          '',
          { 'max-file': 'x' },
          'failed to initialize logging driver: invalid value for max-file: x: not a number',
        ],
        [
          'local',
          { 'max-file': '0' },
          'failed to initialize logging driver: max-file cannot be less than 1',
        ],
        [
          '',
          { compress: 'maybe' },
          'failed to initialize logging driver: invalid boolean value for compress: maybe',
        ],
        [
          '',
          { compress: 'true' },
          'failed to initialize logging driver: compress cannot be true when max-file is less than 2 or max-size is not set',
        ],
        [
          '',
          { 'env-regex': '(' },
          'failed to initialize logging driver: invalid value for env-regex: (: not a regular expression',
        ],
        [
          '',
          { tag: '{{.Foo}}' },
          'failed to initialize logging driver: invalid value for tag: {{.Foo}}: use one of .ID, .FullID, .Name, .ImageID, .ImageFullID, .ImageName, .DaemonName, .Command',
        ],
      ] as const
    ).map(([Type, Config, message]): readonly [string, Host, string] => [
      `${Type} ${JSON.stringify(Config)}`,
      { LogConfig: { Type, Config } },
      `invalid-argument: ${message}`,
    ]),
    ...(
      [
        ['none', { x: '1' }],
        ['local', { compress: 'true' }],
        [
          '',
          {
            'max-size': '1.5k',
            'max-file': '3',
            compress: 'true',
            labels: 'a',
            env: 'B',
            tag: 'x{{ .Name }}',
          },
        ],
      ] as const
    ).map(([Type, Config]): readonly [string, Host, string] => [
      `${Type} ${JSON.stringify(Config)}`,
      { LogConfig: { Type, Config } },
      'accepted',
    ]),
  ])('%s', (_name, HostConfig, expected) => {
    expect(outcome({ HostConfig })).toBe(expected);
  });

  test.each<[string, ContainerCreateRequest, string]>([
    [
      'a relative working directory',
      { WorkingDir: 'app' },
      "invalid-argument: the working directory 'app' is invalid, it needs to be an absolute path",
    ],
    [
      'a NUL byte in an argument',
      { Cmd: ['a\0b'] },
      'invalid-argument: a NUL byte in a command or the environment',
    ],
    [
      'a NUL byte in the environment',
      { Env: ['A=\0'] },
      'invalid-argument: a NUL byte in a command or the environment',
    ],
    [
      'an unknown stop signal',
      { StopSignal: 'SIGFOO' },
      'invalid-argument: invalid signal: SIGFOO',
    ],
    ['a terminal', { Tty: true, OpenStdin: true }, 'accepted'],
    [
      'links of an endpoint',
      { NetworkingConfig: { EndpointsConfig: { net: { Links: ['db:database'] } } } },
      'accepted Links has no effect on this engine yet',
    ],
    [
      'a host name with a space',
      { Hostname: 'a b' },
      "invalid-argument: invalid hostname 'a b': 1 to 64 letters, digits, dots and hyphens",
    ],
    [
      'negative shared memory',
      { HostConfig: { ShmSize: -5 } },
      'invalid-argument: SHM size can not be less than 0',
    ],
    ['a switched-off health check', { Healthcheck: { Test: ['NONE'] } }, 'accepted'],
    [
      'all findings at once',
      { WorkingDir: 'app', HostConfig: { ShmSize: -1 } },
      "invalid-argument: SHM size can not be less than 0; the working directory 'app' is invalid, it needs to be an absolute path",
    ],
  ])('%s', (_name, request, expected) => {
    expect(outcome(request)).toBe(expected);
  });
});

test.each([
  ['web', true],
  ['web-1.a_b', true],
  ['0web', true],
  ['w', false],
  ['', false],
  ['-web', false],
  ['a/b', false],
  ['a b', false],
  ['wëb', false],
  ['web\n', false],
])('the name %j', (name, isValid) => {
  const check = (): void => {
    validateName(name);
  };
  if (isValid) expect(check).not.toThrow();
  else expect(check).toThrow('Invalid container name');
});
