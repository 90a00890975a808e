import { expect, test } from 'vitest';
import { labelProblems } from '../../../../engine/containers/selinux.ts';

const without = { hasSelinux: false };
const active = { hasSelinux: true };

test.each([
  [{}, []],
  [{ SecurityOpt: ['label=disable', 'label:disable', 'seccomp=unconfined'] }, []],
  [{ Binds: ['/a:/b', '/a:/c:ro', 'zz:/z'] }, []],
  [
    { SecurityOpt: ['label:type:x'], Binds: ['/a:/b:ro,z', 'v:/c:Z'] },
    [
      'label:type:x, "z" of the bind on /b, "Z" of the bind on /c: no effect, as SELinux is not active in this kernel',
    ],
  ],
])('without SELinux %j must be taken, and said to have no effect', (host, problems) => {
  expect(labelProblems(host, without)).toEqual(problems);
});

test('with SELinux a label must be refused, and one of files be said to have no effect', () => {
  expect(() => labelProblems({ SecurityOpt: ['label=type:x'] }, active)).toThrow(
    'security option "label=type:x" cannot be applied: this engine applies no SELinux labels',
  );
  expect(labelProblems({ SecurityOpt: ['label=disable'], Binds: ['/a:/b:z'] }, active)).toEqual([
    '"z" of the bind on /b: no effect, as this engine applies no SELinux labels, and its containers keep its own',
  ]);
});
