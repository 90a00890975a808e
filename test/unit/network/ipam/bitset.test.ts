import { describe, expect, test } from 'vitest';
import { Bitset } from '../../../../network/ipam/bitset.ts';
import { Random, rounds } from '../random.ts';

describe('a bitset', () => {
  test('must agree with a set of numbers', () => {
    for (let seed = 1; seed <= rounds / 10; seed++) {
      const random = new Random(seed);
      const size = 1 + random.below(3000);
      const bits = new Bitset(size);
      const numbers = new Set<number>();
      for (let step = 0; step < 400; step++) {
        const number = random.below(size);
        if (random.below(3) === 0) {
          bits.delete(number);
          numbers.delete(number);
        } else {
          bits.add(number);
          numbers.add(number);
        }
        expect(bits.has(number), `seed ${seed}`).toBe(numbers.has(number));
        const start = random.below(size);
        let expected: number | null = start;
        while (numbers.has(expected)) expected++;
        if (expected >= size) expected = null;
        expect(bits.firstMissing(start, size), `seed ${seed}`).toBe(expected);
      }
    }
  });

  test('must not end its search within a full word', () => {
    const bits = new Bitset(4096);
    for (let number = 0; number < 2048; number++) bits.add(number);
    expect(bits.firstMissing(0, 4096)).toBe(2048);
    expect(bits.firstMissing(5, 2048)).toBeNull();
    expect(bits.firstMissing(0, 40)).toBeNull();
  });

  test.each([-1, 16, 1.5])('must refuse %d when it has 16', (number) => {
    expect(() => {
      new Bitset(16).add(number);
    }).toThrow(RangeError);
  });

  test('of 16 million must cost nothing while it is empty', () => {
    const bits = new Bitset(2 ** 24);
    bits.add(2 ** 24 - 1);
    expect(bits.firstMissing(0, 2 ** 24)).toBe(0);
    expect(bits.has(2 ** 24 - 1)).toBe(true);
  });
});
