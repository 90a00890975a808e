import { describe, expect, test } from 'vitest';
import { encodeSpec } from '../../../../engine/runtime/encode.ts';
import { fixture, fullSpec, handoverSpec, moreSpec } from './shim-fixtures.ts';

describe('encodeSpec', () => {
  test('the bytes are the ones that the shim was tested with', () => {
    const bytes = encodeSpec(fullSpec, { startsAtOnce: true });
    expect(Buffer.from(bytes).equals(fixture('spec.bin', bytes))).toBe(true);
  });

  test('the bytes of one that is handed over are those, too', () => {
    const bytes = encodeSpec(handoverSpec, { startsAtOnce: false });
    expect(Buffer.from(bytes).equals(fixture('handover.bin', bytes))).toBe(true);
  });

  test('the bytes of one with files are those, too', () => {
    const bytes = encodeSpec(moreSpec, { startsAtOnce: true });
    expect(Buffer.from(bytes).equals(fixture('spec-more.bin', bytes))).toBe(true);
  });

  test('for another runtime they are its commands, and nothing of what the container says', () => {
    const foreign = {
      directory: '/run/b/x',
      create: ['/usr/bin/crun', 'create', 'x'],
      start: ['/usr/bin/crun', 'start'],
      delete: ['/usr/bin/crun', 'delete', '--force'],
    };
    const bytes = Buffer.from(encodeSpec(fullSpec, { startsAtOnce: true, foreign }));
    expect(bytes.equals(fixture('spec-foreign.bin', bytes))).toBe(true);
    expect(bytes.includes('A=1')).toBe(false);
    expect(bytes.includes('/proc/kcore')).toBe(false);
  });

  test('its size is in the header, however much the buffer had to grow', () => {
    const env = Array.from({ length: 5000 }, (_, i) => `NAME_${i}=${'x'.repeat(i % 97)}`);
    const spec = { ...fullSpec, process: { ...fullSpec.process, env } };
    const bytes = Buffer.from(encodeSpec(spec, { startsAtOnce: false }));
    expect(bytes.readUInt32LE(8)).toBe(bytes.length);
    expect(bytes.includes(`NAME_4999=${'x'.repeat(4999 % 97)}\0`)).toBe(true);
  });

  test.each([
    ['an argument', { ...fullSpec, process: { ...fullSpec.process, args: ['a\0b'] } }],
    ['a path', { ...fullSpec, maskedPaths: ['/a\0b'] }],
  ])('a NUL in %s is refused, as C would cut it off there', (_what, spec) => {
    expect(() => encodeSpec(spec, { startsAtOnce: true })).toThrow(TypeError);
  });

  test('half an instruction is no filter', () => {
    const spec = { ...fullSpec, process: { ...fullSpec.process, seccomp: new Uint8Array(9) } };
    expect(() => encodeSpec(spec, { startsAtOnce: true })).toThrow(TypeError);
  });
});
