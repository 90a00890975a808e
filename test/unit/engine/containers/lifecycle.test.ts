/** What of the lifecycle is decided without a kernel. */
import { afterEach, describe, expect, test, vi } from 'vitest';
import { changeRecord } from '../../../../engine/containers/change.ts';
import { Container } from '../../../../engine/containers/container.ts';
import type { ContainerRecord } from '../../../../engine/containers/container.ts';
import { endOfRun } from '../../../../engine/containers/exit.ts';
import { sandboxMounts } from '../../../../engine/containers/mounts.ts';
import { stopSignalOf } from '../../../../engine/containers/stop.ts';
import { nowNs } from '../../../../engine/containers/time.ts';
import type { ExitStatus, ShimFailure } from '../../../../engine/runtime/index.ts';
import { recordOf } from './records.ts';

describe('a change of a record', () => {
  test('must keep what somebody else changed while it was written', async () => {
    const container = new Container(recordOf());
    const written: ContainerRecord[] = [];
    const records = {
      put: (_key: string, record: ContainerRecord): Promise<void> => {
        if (written.push(record) === 1) container.record = { ...container.record, imageId: 'new' };
        return Promise.resolve();
      },
    };
    await changeRecord({ records }, container, (record) => ({ ...record, name: 'other' }));
    expect(container.record).toEqual(recordOf({ name: 'other', imageId: 'new' }));
    expect(written.at(-1)).toEqual(container.record);
  });

  test('that cannot be written must not be seen', async () => {
    const container = new Container(recordOf());
    const records = {
      put: () => Promise.reject(new Error('disk full')),
    };
    const change = changeRecord({ records }, container, (record) => ({ ...record, name: 'other' }));
    await expect(change).rejects.toThrow('disk full');
    expect(container.name).toBe('web');
  });
});

describe('the time', () => {
  afterEach(() => {
    vi.useRealTimers();
  });

  test.each([
    ['was asleep', 3_600_000],
    ['was set back', -3_600_000],
  ])('must be right on a machine that %s', (_name, shiftMs) => {
    nowNs();
    const wallMs = Date.now() + shiftMs;
    vi.useFakeTimers({ toFake: ['Date'], now: wallMs });
    expect(Math.abs(Number(nowNs() / 1_000_000n) - wallMs)).toBeLessThan(100);
  });
});

describe('what the shim says of an end', () => {
  const exit: ExitStatus = {
    code: 5,
    signal: 0,
    isOomKilled: false,
    finishedAtNs: 7n,
    lostLogBytes: 0n,
    failure: null,
    isLost: false,
  };

  test('must be taken over as it is', () => {
    expect(endOfRun(exit)).toEqual({ exitCode: 5, isOomKilled: false, finishedAtNs: 7n });
  });

  test.each<[ShimFailure, number, string]>([
    [
      { stage: 'exec', errno: 'ENOENT', path: 'x' },
      127,
      'exec: "x": executable file not found in $PATH',
    ],
    [
      { stage: 'exec', errno: 'ENOENT', path: '/x' },
      127,
      'exec: "/x": stat /x: no such file or directory',
    ],
    [{ stage: 'exec', errno: 'EACCES', path: '/x' }, 126, 'exec: "/x": permission denied'],
    [{ stage: 'exec', errno: 'ENOEXEC', path: '/x' }, 126, 'exec: "/x": exec format error'],
  ])('of an attempt %j must be in docker’s words', (failed, exitCode, message) => {
    expect(endOfRun({ ...exit, failure: failed })).toEqual({
      exitCode,
      isOomKilled: false,
      finishedAtNs: 7n,
      error: `failed to create task for container: ${message}`,
      isFailedStart: true,
    });
  });

  test('of an attempt before the program must be 128', () => {
    const failed = { ...exit, failure: { stage: 'start', errno: 'ECHILD', path: '' } as const };
    expect(endOfRun(failed).exitCode).toBe(128);
  });
});

test.each([
  [undefined, 15],
  ['', 15],
  ['SIGQUIT', 3],
  ['nonsense', 15],
  ['0', 15],
])('the stop signal %j of an image must be %d', (StopSignal, expected) => {
  const config = StopSignal === undefined ? {} : { StopSignal };
  expect(stopSignalOf(new Container(recordOf({ config })))).toBe(expected);
});

test('a volume that was removed by hand must fail the start by its name', () => {
  const mount = {
    point: { Type: 'volume', Name: 'data' },
    request: { kind: 'volume', name: 'data', target: '/data' },
    isAnonymous: false,
  } as unknown as ContainerRecord['mounts'][number];
  const ctx = { volumes: { get: () => undefined } } as unknown as Parameters<
    typeof sandboxMounts
  >[0];
  expect(() => sandboxMounts(ctx, recordOf({ mounts: [mount] }))).toThrow(
    'get data: no such volume',
  );
});
