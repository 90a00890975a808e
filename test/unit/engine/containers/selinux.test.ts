import { describe, expect, test } from 'vitest';
import { labelProblems, relabellingOf } from '../../../../engine/containers/selinux.ts';
import type { MountRecord } from '../../../../engine/containers/container.ts';

const without = { hasSelinux: false, containerLabels: null };
const unlabelled = { hasSelinux: true, containerLabels: null };
const active = {
  hasSelinux: true,
  containerLabels: { process: 'u:r:p:s0', mount: 'u:o:f:s0', layers: 'u:o:l:s0' },
};

const asked = { SecurityOpt: ['label:type:x'], Binds: ['/a:/b:ro,z', 'v:/c:Z'] };

test.each([
  [{}, []],
  [{ SecurityOpt: ['label=disable', 'label:disable', 'seccomp=unconfined'] }, []],
  [{ Binds: ['/a:/b', '/a:/c:ro', 'zz:/z'] }, []],
  [
    asked,
    [
      'label:type:x, "z" of the bind on /b, "Z" of the bind on /c: no effect, as SELinux is not active in this kernel',
    ],
  ],
])('without SELinux %j must be taken, and said to have no effect', (host, problems) => {
  expect(labelProblems(host, without)).toEqual(problems);
});

test('with a policy that knows no containers a label must be refused, and one of files be said to have no effect', () => {
  expect(() => labelProblems({ SecurityOpt: ['label=type:x'] }, unlabelled)).toThrow(
    'security option "label=type:x" cannot be applied: the SELinux policy of this machine has no labels for containers',
  );
  expect(labelProblems({ SecurityOpt: ['label=disable'], Binds: ['/a:/b:z'] }, unlabelled)).toEqual(
    [
      '"z" of the bind on /b: no effect, as the SELinux policy of this machine has no labels for containers',
    ],
  );
});

test('with SELinux nothing must be said', () => {
  expect(labelProblems(asked, active)).toEqual([]);
});

describe('relabellingOf', () => {
  const bind = { kind: 'bind', source: '/a', target: '/b' };
  const volume = { kind: 'volume', name: 'v' };
  const etc = { type: 'none', o: 'bind', device: '/etc' };
  test.each([
    [bind, '', {}, null],
    [bind, 'ro,nocopyz', {}, null],
    [bind, 'ro,z', {}, 'shared'],
    [bind, 'Z', {}, 'private'],
    [{ ...bind, file: { uid: 0, gid: 0, mode: 0o400 } }, 'z', {}, null],
    [volume, 'ro', {}, 'default'],
    [volume, 'z', {}, 'shared'],
    [volume, 'Z', {}, 'private'],
    [volume, 'ro', etc, null],
    [volume, 'z', etc, 'shared'],
    [{ kind: 'tmpfs' }, 'z', {}, null],
  ])('%j with the mode %j and the options %j must be %j', (request, Mode, options, expected) => {
    const mount = {
      request: { ...request, mode: Mode },
      point: { Mode },
      isAnonymous: false,
    } as unknown as MountRecord;
    expect(relabellingOf(mount, { driverOptions: options })).toBe(expected);
  });

  test('the z that is shown for a volume where nobody wrote one must count as none', () => {
    const mount = { request: volume, point: { Mode: 'z' } } as unknown as MountRecord;
    expect(relabellingOf(mount, { driverOptions: {} })).toBe('default');
    expect(relabellingOf(mount, { driverOptions: etc })).toBe(null);
  });
});
