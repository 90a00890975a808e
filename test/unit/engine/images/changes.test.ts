import { describe, expect, test } from 'vitest';
import { applyChanges } from '../../../../engine/images/changes.ts';
import type { RunConfig } from '../../../../engine/images/index.ts';

describe('a change of an import', () => {
  test.each<[string, RunConfig]>([
    ['CMD ["sh", "-c", "x"]', { Cmd: ['sh', '-c', 'x'] }],
    ['cmd echo hello', { Cmd: ['/bin/sh', '-c', 'echo hello'] }],
    ["CMD ['sh']", { Cmd: ['/bin/sh', '-c', "['sh']"] }],
    ['ENTRYPOINT ["/init"]', { Entrypoint: ['/init'] }],
    ['ENV A=1 B="two words" C=a\\ b', { Env: ['A=1', 'B=two words', 'C=a b'] }],
    ['ENV KEY the rest of it', { Env: ['KEY=the rest of it'] }],
    ['ENV E=', { Env: ['E='] }],
    ['LABEL a=b "c d"=\'e f\'', { Labels: { a: 'b', 'c d': 'e f' } }],
    ['LABEL __proto__=x', { Labels: Object.fromEntries([['__proto__', 'x']]) }],
    [
      'EXPOSE 80 53/UDP 8000-8002/tcp',
      {
        ExposedPorts: {
          '80/tcp': {},
          '53/udp': {},
          '8000/tcp': {},
          '8001/tcp': {},
          '8002/tcp': {},
        },
      },
    ],
    ['VOLUME /a /b', { Volumes: { '/a': {}, '/b': {} } }],
    ['VOLUME ["/with space"]', { Volumes: { '/with space': {} } }],
    ['USER 5:6', { User: '5:6' }],
    ['STOPSIGNAL SIGINT', { StopSignal: 'SIGINT' }],
    ['WORKDIR /a/../b/./c/', { WorkingDir: '/b/c' }],
    ['WORKDIR relative', { WorkingDir: '/relative' }],
  ])('%s must do what the instruction does', (line, config) => {
    expect(applyChanges({}, [line])).toEqual(config);
  });

  test('must build on the ones before it', () => {
    expect(
      applyChanges({}, [
        'ENV A=1',
        'ENV B=2 A=3',
        'WORKDIR /a',
        'WORKDIR b',
        'EXPOSE 1',
        'EXPOSE 2',
        'CMD a',
        'CMD ["b"]',
      ]),
    ).toEqual({
      Env: ['A=3', 'B=2'],
      WorkingDir: '/a/b',
      ExposedPorts: { '1/tcp': {}, '2/tcp': {} },
      Cmd: ['b'],
    });
  });

  test.each([
    ['CMD', 'is not "INSTRUCTION ARGUMENT"'],
    ['RUN rm -rf /', 'is no instruction that an import can follow'],
    ['ENV A', 'lacks a value'],
    ['ENV A=1 B', 'has "B" where KEY=value was expected'],
    ['ENV A="x', 'lacks a closing "'],
    ['EXPOSE 0', 'is no port'],
    ['EXPOSE 70000', 'is no port'],
    ['EXPOSE 5-4', 'is no port'],
    ['USER a b', 'is not one word'],
  ])('%s must be refused', (line, why) => {
    expect(() => applyChanges({}, [line])).toThrow(why);
  });
});
