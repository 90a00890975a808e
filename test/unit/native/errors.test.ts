import { describe, expect, test } from 'vitest';
import { errnoName, isSyscallError, SyscallError } from '../../../native/index.ts';
import { findBuilt } from '../../../native/binding.ts';
import { attempt, attemptAsync } from '../../../native/errors.ts';

function raise(value: unknown): never {
  throw value;
}

function caught(call: () => unknown): unknown {
  try {
    call();
  } catch (error) {
    return error;
  }
  throw new Error('nothing was thrown');
}

describe('SyscallError', () => {
  test('a failure of the addon must name its call, reason and purpose', () => {
    const error = caught(() => attempt('open "/x"', () => raise({ call: 'openat2', errno: 2 })));
    expect(error).toBeInstanceOf(SyscallError);
    expect(error).toMatchObject({ call: 'openat2', errno: 'ENOENT', purpose: 'open "/x"' });
    expect((error as Error).message).toBe('open "/x": openat2(2): ENOENT');
  });

  test('a failed promise must become one as well', async () => {
    const failure = attemptAsync('sync', () =>
      Promise.reject(caught(() => raise({ call: 'syncfs', errno: 5 })) as Error),
    );
    await expect(failure).rejects.toMatchObject({ call: 'syncfs', errno: 'EIO' });
  });

  test('a bug of ours must stay what it is', () => {
    const bug = new TypeError('expected an integer in range');
    expect(caught(() => attempt('close', () => raise(bug)))).toBe(bug);
  });

  test('isSyscallError must ask for one of the reasons', () => {
    const error = new SyscallError({ call: 'open', errno: 'EACCES', purpose: 'read' });
    expect(isSyscallError(error)).toBe(true);
    expect(isSyscallError(error, 'ENOENT', 'EACCES')).toBe(true);
    expect(isSyscallError(error, 'ENOENT')).toBe(false);
    expect(isSyscallError(new Error('EACCES'))).toBe(false);
  });

  test.each([
    [2, 'ENOENT'],
    [11, 'EAGAIN'],
    [95, 'EOPNOTSUPP'],
    [105, 'ENOBUFS'],
    [87, 'EUSERS'],
    [4095, 'E4095'],
  ])('errno %d must be called %s', (errno, name) => {
    expect(errnoName(errno)).toBe(name);
  });
});

test('a program that was not built must be an error that names every path tried', () => {
  const error = caught(() => findBuilt('nothing'));
  const root = new URL('../../..', import.meta.url).pathname;
  expect((error as Error).message).toBe(
    `"nothing" was not built; tried ${root}native/build/nothing, ` +
      `${root.replace(/[^/]+\/$/, '')}native/build/nothing, ${root}native/build/nothing; ` +
      'run "node native/build.mjs" in the package\'s folder',
  );
});
