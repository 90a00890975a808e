import { describe, expect, test } from 'vitest';
import { Batch } from '../../../../engine/lib/index.ts';

describe('Batch', () => {
  test('what is added during a run must wait for the next one, together', async () => {
    const runs: number[][] = [];
    const more: Promise<number>[] = [];
    const batch = new Batch<number, number>((items) => {
      runs.push([...items]);
      if (runs.length === 1) more.push(batch.add(3), batch.add(4));
      return Promise.resolve(items.map((item) => 10 * item));
    });
    const first = await Promise.all([batch.add(1), batch.add(2)]);
    const second = await Promise.all(more);
    expect(runs).toEqual([
      [1, 2],
      [3, 4],
    ]);
    expect([...first, ...second]).toEqual([10, 20, 30, 40]);
  });

  test('a run that fails must fail its own items and none of the next', async () => {
    let runs = 0;
    const batch = new Batch<string, string>((items) => {
      runs += 1;
      return runs === 1 ? Promise.reject(new Error('refused')) : Promise.resolve(items);
    });
    await expect(Promise.allSettled([batch.add('a'), batch.add('b')])).resolves.toMatchObject([
      { status: 'rejected' },
      { status: 'rejected' },
    ]);
    expect(await batch.add('c')).toBe('c');
    await Promise.resolve();
    expect(batch.isIdle).toBe(true);
  });
});
