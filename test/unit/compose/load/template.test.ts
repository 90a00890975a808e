import { describe, expect, test } from 'vitest';
import { substitute, TemplateError } from '../../../../compose/load/template.ts';

const values: Readonly<Record<string, string>> = { SET: 'value', EMPTY: '', X: 'x' };

function expand(text: string): { text: string; unset: string[] } {
  const unset: string[] = [];
  const result = substitute(text, {
    lookup: (name) => values[name],
    onUnset: (name, start, end) => unset.push(`${name}@${start}-${end}`),
  });
  return { text: result, unset };
}

/** compose-spec 12-interpolation, and where docker compose says more: rows IN-2 to IN-8. */
test.each([
  ['plain', '$SET', 'value'],
  ['braced', 'a${SET}b', 'avalueb'],
  ['name ends at the first other character', '$SET-1 $SET.x', 'value-1 value.x'],
  ['default, unset', '${NO:-d}', 'd'],
  ['default, empty', '${EMPTY:-d}', 'd'],
  ['default, set', '${SET:-d}', 'value'],
  ['default if unset only, unset', '${NO-d}', 'd'],
  ['default if unset only, empty', '${EMPTY-d}', ''],
  ['empty default', '${NO:-}', ''],
  ['required, set', '${SET:?e}', 'value'],
  ['required if unset only, empty', '${EMPTY?e}', ''],
  ['alternative, set', '${SET:+a}', 'a'],
  ['alternative, empty', '${EMPTY:+a}', ''],
  ['alternative if set only, empty', '${EMPTY+a}', 'a'],
  ['alternative, unset', '${NO+a}', ''],
  ['nested defaults', '${NO:-${NO2:-${NO3-e}}}', 'e'],
  ['nested, with text around', '${NO:-a${SET}b}c', 'avaluebc'],
  ['a default that is not used is not evaluated', '${SET:-${NO:?x}}', 'value'],
  ['braces in a default are balanced', '${NO:-{"a": {}}}', '{"a": {}}'],
  ['braces that do not balance end at the last one', '${NO:-a{b}', 'a{b'],
  ['text behind a closed default', '${NO:-a}b}', 'ab}'],
  ['several, with text between', '${NO:-${X}}-${SET}}', 'x-value}'],
  ['a default over lines', '${NO:-a\nb}', 'a\nb'],
  ['an operator in the default belongs to it', '${NO:-a:?b}', 'a:?b'],
  ['escaped dollar', '$$SET $${SET}', '$SET ${SET}'],
  ['a dollar before anything else', '$1 a$ $- $.', '$1 a$ $- $.'],
  ['a value is not expanded again', '${NO:-$$X}', '$X'],
  ['no dollar', 'plain', 'plain'],
])('%s', (_name, input, expected) => {
  expect(expand(input)).toEqual({ text: expected, unset: [] });
});

test('a variable without value and default must be told with its place', () => {
  expect(expand('a $NO ${NO2} ${NO3:-${NO4}}')).toEqual({
    text: 'a   ',
    unset: ['NO@2-5', 'NO2@6-12', 'NO4@20-26'],
  });
});

describe('an error', () => {
  test.each([
    ['without a message', '${NO:?}', ['required', '', 0, 7]],
    ['with a message', 'a${NO:?set it}', ['required', 'set it', 1, 14]],
    ['with a message that holds a variable', '${EMPTY:?no $X}', ['required', 'no x', 0, 15]],
    [
      'of syntax',
      '${A b}',
      ['syntax', '"${A b}" is not a variable with a default, an alternative or an error', 0, 6],
    ],
    ['of an empty name', 'x${}', ['syntax', 'the name is missing', 1, 4]],
    ['of a missing brace', 'x${SET', ['syntax', 'the closing "}" is missing', 1, 6]],
    [
      'inside a default',
      '${NO:-${A/b}}',
      ['syntax', '"${A/b}" is not a variable with a default, an alternative or an error', 6, 12],
    ],
    [
      'of syntax in a default that is not used',
      '${SET:-${}}',
      ['syntax', 'the name is missing', 7, 10],
    ],
  ])('%s must name what and where', (_name, input, [kind, message, start, end]) => {
    let error: unknown = null;
    try {
      expand(input);
    } catch (caught) {
      error = caught;
    }
    expect(error).toBeInstanceOf(TemplateError);
    expect(error).toMatchObject({ kind, message, start, end });
  });

  test('must come of nesting without end, and not a stack overflow', () => {
    expect(() => expand('${A:-'.repeat(5_000) + '}'.repeat(5_000))).toThrow(TemplateError);
  });
});
