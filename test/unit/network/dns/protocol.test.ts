import { describe, expect, test } from 'vitest';
import {
  command,
  decodeAnswer,
  encodeFrame,
  parseAddress,
  PayloadReader,
  PayloadWriter,
} from '../../../../network/dns/protocol.ts';

/** An answer as native/resolver/command.c writes it. */
function answer(payload: Uint8Array, { type = 0x80, tag = 7 } = {}): Buffer {
  const header = Buffer.from([payload.length, 0, 0, 0, 1, type, tag, 0]);
  return Buffer.concat([header, payload]);
}

describe('frames', () => {
  test('a command must be header and payload', () => {
    const payload = new PayloadWriter()
      .text('ab')
      .u16(258)
      .u32(0x01020304)
      .address('10.0.0.1')
      .finish();
    expect(encodeFrame(command.setNames, 0x1234, payload).toString('hex')).toBe(
      '0e000000' + '02' + '03' + '3412' + '026162' + '0201' + '04030201' + '040a000001',
    );
  });

  test('an answer must be found wherever the stream is cut', () => {
    const whole = answer(Buffer.from('payload'));
    for (let cut = 0; cut < whole.length; cut++) {
      expect(decodeAnswer(whole.subarray(0, cut))).toBeNull();
    }
    const decoded = decodeAnswer(Buffer.concat([whole, Buffer.from('next')]));
    expect(decoded?.length).toBe(whole.length);
    expect(decoded?.answer).toMatchObject({ version: 1, tag: 7, isDone: true });
    expect(decoded?.answer.payload.toString()).toBe('payload');
  });

  test('a refusal must be told from an answer, and both from anything else', () => {
    expect(decodeAnswer(answer(Buffer.from('\x03bad'), { type: 0x81 }))?.answer.isDone).toBe(false);
    expect(() => decodeAnswer(answer(new Uint8Array(), { type: 5 }))).toThrow(RangeError);
    expect(() => decodeAnswer(Buffer.alloc(8, 0xff))).toThrow(RangeError);
  });

  test('lists must come back, and one that is cut off be an error', () => {
    const payload = new PayloadWriter().u16(2).text('one').text('two').u16(0).finish();
    const reader = new PayloadReader(payload);
    expect([reader.texts(), reader.texts()]).toEqual([['one', 'two'], []]);
    expect(() => new PayloadReader(payload.subarray(0, 7)).texts()).toThrow(RangeError);
  });

  test.each(['', 'with space', 'ümlaut', 'x'.repeat(256)])(
    'the text "%s" must be refused',
    (text) => {
      expect(() => new PayloadWriter().text(text)).toThrow(RangeError);
    },
  );

  test('a command that is too long must be refused here', () => {
    expect(() => encodeFrame(command.setNames, 0, new Uint8Array(2 * 1024 * 1024))).toThrow(
      RangeError,
    );
  });
});

describe('addresses', () => {
  test.each([
    ['10.1.2.255', '0a0102ff'],
    ['::', '00000000000000000000000000000000'],
    ['::1', '00000000000000000000000000000001'],
    ['2001:db8::a:1', '20010db800000000000000000 00a0001'.replace(' ', '')],
    ['1:2:3:4:5:6:7:8', '00010002000300040005000600070008'],
    ['fe80::', 'fe800000000000000000000000000000'],
    ['::ffff:1.2.3.4', '00000000000000000000ffff01020304'],
  ])('%s must be %s', (text, hex) => {
    expect(Buffer.from(parseAddress(text) ?? []).toString('hex')).toBe(hex);
  });

  test.each(['', '10.0.0', '10.0.0.256', 'redis', '::1%lo', '1:2:3'])('"%s" is none', (text) => {
    expect(parseAddress(text)).toBeNull();
  });
});
