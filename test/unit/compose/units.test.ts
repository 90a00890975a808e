import { expect, test } from 'vitest';
import { formatDuration, parseBytes, parseDuration } from '../../../compose/units.ts';

test.each([
  ['1h5m30s20ms', '1h5m30.02s'],
  ['90s', '1m30s'],
  ['1m', '1m0s'],
  ['1.5s', '1.5s'],
  ['500ms', '500ms'],
  ['1500us', '1.5ms'],
  ['0', '0s'],
  ['2d', '48h0m0s'],
  ['1w', '168h0m0s'],
  ['-1.5h', '-1h30m0s'],
])('duration %s must be %s', (text, expected) => {
  const value = parseDuration(text);
  expect(value === null ? null : formatDuration(value)).toBe(expected);
});

test.each(['', '10', '1x', 's', '1s2', '1.2.3s', ' 1s'])('%j must be no duration', (text) => {
  expect(parseDuration(text)).toBeNull();
});

test.each([
  ['10', 10],
  ['10b', 10],
  ['1k', 1024],
  ['1kb', 1024],
  ['1KiB', 1024],
  ['1.5m', 1_572_864],
  ['2G', 2_147_483_648],
  ['1 t', 1_099_511_627_776],
  ['.5k', 512],
])('size %s must be %d bytes', (text, expected) => {
  expect(parseBytes(text)).toBe(expected);
});

test.each(['', '-1', '1x', '1kk', 'k', '1.2.3'])('%j must be no size', (text) => {
  expect(parseBytes(text)).toBeNull();
});
