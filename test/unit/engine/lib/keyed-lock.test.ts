import { describe, expect, test } from 'vitest';
import { KeyedLock } from '../../../../engine/lib/index.ts';

describe('KeyedLock', () => {
  test('holders of one key must follow each other in the order of asking', async () => {
    const locks = new KeyedLock();
    const order: string[] = [];
    const work = (name: string): Promise<void> =>
      locks.run('key', async () => {
        order.push(`${name} begins`);
        await Promise.resolve();
        order.push(`${name} ends`);
      });
    await Promise.all([work('a'), work('b'), work('c')]);
    expect(order).toEqual(['a begins', 'a ends', 'b begins', 'b ends', 'c begins', 'c ends']);
  });

  test('different keys must not wait for each other', async () => {
    const locks = new KeyedLock();
    const first = await locks.acquire('a');
    await locks.run('b', () => undefined);
    expect(locks.isHeld('a')).toBe(true);
    first[Symbol.dispose]();
  });

  test('a key must be free again after a failure', async () => {
    const locks = new KeyedLock();
    await expect(locks.run('key', () => Promise.reject(new Error('work failed')))).rejects.toThrow(
      'work failed',
    );
    expect(locks.isHeld('key')).toBe(false);
  });

  test('releasing twice must not free the key of the next holder', async () => {
    const locks = new KeyedLock();
    const first = await locks.acquire('key');
    const second = locks.acquire('key');
    first[Symbol.dispose]();
    first[Symbol.dispose]();
    await second;
    expect(locks.isHeld('key')).toBe(true);
  });

  test('a waiter that gives up must leave the queue', async () => {
    const locks = new KeyedLock();
    const controller = new AbortController();
    const first = await locks.acquire('key');
    const given = locks.acquire('key', controller.signal);
    const patient = locks.acquire('key');
    controller.abort(new Error('no longer'));
    await expect(given).rejects.toThrow('no longer');
    first[Symbol.dispose]();
    (await patient)[Symbol.dispose]();
    expect(locks.isHeld('key')).toBe(false);
  });

  test('an aborted signal must take nothing', async () => {
    const locks = new KeyedLock();
    await expect(locks.acquire('key', AbortSignal.abort(new Error('early')))).rejects.toThrow(
      'early',
    );
    expect(locks.isHeld('key')).toBe(false);
  });
});
