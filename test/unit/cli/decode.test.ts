import { expect, test } from 'vitest';
import { decode } from '../../../cli/decode.ts';

const text = 'name: wéb 🐳\n';

test.each([
  ['utf-8', Buffer.from(text), text],
  ['utf-8 with a mark', Buffer.from(`\ufeff${text}`), `\ufeff${text}`],
  ['utf-16, low byte first', Buffer.from(`\ufeff${text}`, 'utf16le'), text],
  ['utf-16, high byte first', Buffer.from(`\ufeff${text}`, 'utf16le').swap16(), text],
  ['a replacement character that is meant', Buffer.from('a\ufffdb'), 'a\ufffdb'],
  ['nothing', Buffer.alloc(0), ''],
])('%s must be read', (_name, bytes, expected) => {
  expect(decode(bytes)).toBe(expected);
});

test.each([
  ['latin 1', Buffer.from([0x61, 0xe9, 0x62]), 'a\udce9b'],
  ['a character cut off', Buffer.from([0x61, 0xf0, 0x9f, 0x90]), 'a\udcf0\udc9f\udc90'],
  ['a byte between whole characters', Buffer.from([0xc3, 0xa9, 0xff, 0xc3, 0xa9]), 'é\udcffé'],
  ['an encoded surrogate', Buffer.from([0xed, 0xa0, 0x80]), '\udced\udca0\udc80'],
])('%s must keep its bytes apart', (_name, bytes, expected) => {
  expect(decode(bytes)).toBe(expected);
});
