import { describe, expect, test } from 'vitest';
import { attribute, refusal, warnings } from './service.ts';

const command = (text: string): string => `command: ${JSON.stringify(text)}`;

describe('a command as text becomes words', () => {
  test.each<readonly [string, readonly string[]]>([
    ['  a   b\tc\nd ', ['a', 'b', 'c', 'd']],
    ['a "b c" \'d e\' f\\ g', ['a', 'b c', 'd e', 'f g']],
    ['a"b"\'c\'d', ['abcd']],
    ['a "" \'\'', ['a', '', '']],
    ['a "b\\"c" "\\\\" "x\\y"', ['a', 'b"c', '\\', 'xy']],
    ["'it\\'", ['it\\']],
    ['a \\\n b', ['a', '\n', 'b']],
    ['# a #b', ['#', 'a', '#b']],
    ['a $(b c) `d e` "$(f g)"', ['a', '$(b c)', '`d e`', '$(f g)']],
    ['a \\(b\\) "(c)"', ['a', '(b)', '(c)']],
    ['a {b,c} *.x ~', ['a', '{b,c}', '*.x', '~']],
    ['sh -c "a && b | c > d"', ['sh', '-c', 'a && b | c > d']],
    ['a \\; b', ['a', ';', 'b']],
    ['a\u00a0b', ['a\u00a0b']],
    // No shell reads it: what would be another command is no part of this one.
    ['echo a && echo b', ['echo', 'a']],
    ['a;b', ['a']],
    ['a 2>b', ['a']],
    ['a2>b', ['a2']],
    ['<a', []],
  ])('%s', (text, words) => {
    expect(attribute(command(text))).toEqual(words);
  });

  test.each(["'a", '"a', 'a\\', 'a "b\\"', '`a', '$(a', 'a)', '(a)', '$(a (b))'])(
    '%s must be refused',
    (text) => {
      expect(refusal(command(text))).toContain('without its partner');
    },
  );

  test('what is cut off must be warned of', () => {
    expect(warnings(command('echo a && echo b')).join()).toContain('ends before "&& echo b"');
    expect(warnings(command('sh -c "a && b"'))).toEqual([]);
  });
});
