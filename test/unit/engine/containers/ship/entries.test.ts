import { execFileSync } from 'node:child_process';
import { describe, expect, test } from 'vitest';
import {
  EntryReader,
  noLines,
  type LogEntry,
} from '../../../../../engine/containers/ship/entries.ts';
import { fluentdMessage } from '../../../../../engine/containers/ship/fluentd-format.ts';
import { missing } from '../../../../lib/requires.ts';

const frame = (text: string, stream: 'stdout' | 'stderr' = 'stdout', timeNs = 1n) => {
  const payload = Buffer.from(text);
  return { stream, timeNs, payload, start: 0, end: payload.length };
};
const print = ({ stream, line, partial }: LogEntry): string => {
  const { ordinal, isLast } = partial ?? { ordinal: 0, isLast: true };
  const piece = partial === null ? '' : ` #${ordinal}${isLast ? '.' : ''}`;
  return `${stream[3]} ${line.length < 10 ? line.toString() : line.length}${piece}`;
};

describe('EntryReader', () => {
  test('makes lines without their end, empty ones as well, and flushes the last', () => {
    const reader = new EntryReader(noLines);
    const entries = [frame('a\n\nb'), frame('err\n', 'stderr'), frame('c\nrest')].flatMap((one) =>
      reader.read(one),
    );
    expect([...entries, ...reader.flush()].map(print)).toEqual([
      'o a',
      'o ',
      'e err',
      'o bc',
      'o rest',
    ]);
  });

  test.each([
    [16_384, ['o 16384']],
    [16_385, ['o 16384 #1', 'o 1 #2.']],
    [40_000, ['o 16384 #1', 'o 16384 #2', 'o 7232 #3.']],
    [65_536, ['o 16384 #1', 'o 16384 #2', 'o 16384 #3', 'o 16384 #4.']],
  ])('cuts a line of %d bytes as Docker does, however it was read', (length, expected) => {
    const text = `${'x'.repeat(length)}\n`;
    for (const size of [1000, 4096, 30_000, 100_000]) {
      const reader = new EntryReader(noLines);
      const entries: LogEntry[] = [];
      for (let at = 0; at < text.length; at += size) {
        entries.push(...reader.read(frame(text.slice(at, at + size))));
      }
      const sizes = entries
        .map(print)
        .map((entry) => entry.replace(/^o x$/, 'o 1').replace(/ x /, ' 1 '));
      expect(sizes).toEqual(expected);
      expect(new Set(entries.map(({ partial }) => partial?.id)).size).toBe(1);
    }
  });

  test('goes on in the middle of a line where another one stood', () => {
    const whole = 'y'.repeat(50_000);
    const first = new EntryReader(noLines);
    const entries = first.read(frame(whole.slice(0, 20_000)));
    first.read(frame('half ', 'stderr'));
    const second = new EntryReader(first.begun);
    entries.push(...second.read(frame(`${whole.slice(20_000)}\n`)));
    expect(entries.map(print)).toEqual(['o 16384 #1', 'o 16384 #2', 'o 16384 #3', 'o 848 #4.']);
    expect(new Set(entries.map(({ partial }) => partial?.id)).size).toBe(1);
    expect(second.read(frame('done\n', 'stderr')).map(print)).toEqual(['e half done']);
  });
});

const absent = missing('msgpack');

describe.skipIf(absent.length > 0)(`fluentdMessage (missing: ${absent.join()})`, () => {
  const script = `
import msgpack, sys, json
tag, events, option = msgpack.unpackb(sys.stdin.buffer.read(), raw=False, ext_hook=lambda code, data: [code, data.hex()])
print(json.dumps([tag, len(events), events[0][0], events[-1][1], option]))`;
  const facts = {
    ...{ tag: 'docker.ü', containerId: 'c', containerName: 'web', hasSubSeconds: true },
    attributes: [['a', 'b'.repeat(70_000)]] as const,
  };

  test.each([1, 15, 16, 66_000])('of %d lines is what another decoder reads', (count) => {
    const line = Buffer.from('z'.repeat(40));
    const entries = Array.from({ length: count }, (): LogEntry => ({
      ...{ stream: 'stderr', timeNs: 1_700_000_000_000_000_007n, line, partial: null },
    }));
    const small = count === 66_000 ? { ...facts, attributes: [] } : facts;
    const input = fluentdMessage(small, entries, 'chunk');
    const decoded: unknown = JSON.parse(
      execFileSync('/usr/bin/python3', ['-c', script], { input, maxBuffer: 64 << 20 }).toString(),
    );
    expect(decoded).toEqual([
      'docker.ü',
      count,
      [0, '6553f10000000007'],
      {
        ...{ container_id: 'c', container_name: '/web', source: 'stderr', log: 'z'.repeat(40) },
        ...(count !== 66_000 && { a: 'b'.repeat(70_000) }),
      },
      { size: count, chunk: 'chunk' },
    ]);
  });
});
