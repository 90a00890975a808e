import { describe, expect, test } from 'vitest';
import { signalNumber } from '../../../../engine/containers/signals.ts';

describe('a signal as written', () => {
  test.each([
    ['SIGTERM', 15],
    ['TERM', 15],
    ['term', 15],
    ['9', 9],
    ['SIGRTMIN', 34],
    ['SIGRTMIN+3', 37],
    ['RTMAX-1', 63],
    ['64', 64],
  ])('%s is %i', (written, number) => {
    expect(signalNumber(written)).toBe(number);
  });

  test.each(['', '0', '65', '-1', 'SIGNOPE', 'SIGRTMAX+1', 'SIGRTMIN-1', '1e1', 'TERM '])(
    '"%s" is refused by name',
    (written) => {
      expect(() => signalNumber(written)).toThrow(`invalid signal: ${written}`);
    },
  );
});
