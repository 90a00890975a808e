import { describe, expect, test } from 'vitest';
import { resolvePlain, scalarText } from '../../../../../compose/load/yaml-scalars.ts';

/** Plain scalar, and what a file that wants text gets: as go-yaml resolves and Go prints it. */
describe('plain scalars as text', () => {
  test.each([
    ['0777', '511'],
    ['0o17', '15'],
    ['0x1F', '31'],
    ['0b101', '5'],
    ['-0x1f', '-31'],
    ['1_000', '1000'],
    ['1.10', '1.1'],
    ['08', '8'],
    ['.5', '0.5'],
    ['1.', '1'],
    ['+5', '5'],
    ['1e3', '1000'],
    ['1e-7', '1e-07'],
    ['0.00001', '1e-05'],
    ['1234567.5', '1.2345675e+06'],
    ['123456789.123456789', '1.2345678912345679e+08'],
    ['9223372036854775807', '9223372036854775807'],
    ['1e400', '1e400'],
    ['.inf', '+Inf'],
    ['-.INF', '-Inf'],
    ['.nan', 'NaN'],
    ['~', ''],
    ['null', ''],
    ['nUll', 'nUll'],
    ['True', 'true'],
    ['yes', 'yes'],
    ['off', 'off'],
    ['y', 'y'],
    ['12:30:45', '12:30:45'],
    ['22:22', '22:22'],
    ['0b', '0b'],
    ['0o8', '0o8'],
    ['1e', '1e'],
    ['+', '+'],
    // Almost dates.
    ['2020-13-01', '2020-13-01'],
    ['2020-02-30', '2020-02-30'],
    ['2020-01-01T10:00:00', '2020-01-01T10:00:00'],
    ['2001-12-14 21:59:43.10 -5', '2001-12-14 21:59:43.10 -5'],
  ])('%s', (text, expected) => {
    const plain = resolvePlain(text);
    expect(plain.kind === 'value' && scalarText(plain.value)).toBe(expected);
  });
});

test.each([
  '2020-01-01',
  '2020-2-29',
  '2020-01-01T00:00:00Z',
  '2020-01-01t1:2:3.5+02:00',
  '2020-01-01 10:00:00',
])('%s is a date', (text) => {
  expect(resolvePlain(text)).toEqual({ kind: 'timestamp' });
});
