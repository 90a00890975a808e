import { expect, test } from 'vitest';
import { type DotenvError, parseDotenv, parseRawEnv } from '../../../../compose/load/dotenv.ts';

const shell: Readonly<Record<string, string>> = { HOME: '/home/ada', SHELL_ONLY: 'shell' };
const lookup = (name: string): string | undefined => shell[name];

test.each<readonly [string, string, Record<string, string | null>]>([
  ['plain', 'A=b', { A: 'b' }],
  ['spaces around the sign', 'A = b ', { A: 'b' }],
  ['a colon', 'A: b', { A: 'b' }],
  ['export', 'export A=b', { A: 'b' }],
  ['comments and blank lines', '# x\n\nA=b # c\nB=a#b\nC=#d', { A: 'b', B: 'a#b', C: '' }],
  ['CRLF and a byte order mark', '\uFEFFA=b\r\nB=c\r\n', { A: 'b', B: 'c' }],
  ['empty value', 'A=\nB=', { A: '', B: '' }],
  ['names with dots, dashes, brackets', 'a.b-c[0]=x', { 'a.b-c[0]': 'x' }],
  ['quotes inside a value', 'A=un"quoted\'mid', { A: 'un"quoted\'mid' }],
  ['no escapes without quotes', 'A=a\\nb', { A: 'a\\nb' }],
  ['double quotes', 'A="a\\tb\\n\\"c\\" \\\\ \\$HOME" # x', { A: 'a\tb\n"c" \\ $HOME' }],
  ['double quotes over lines', 'A="a\nb"\nB=c', { A: 'a\nb', B: 'c' }],
  ['single quotes', "A='a $HOME \\n \\' b' x\nB=c", { A: "a $HOME \\n ' b", B: 'c' }],
  ['variables of the shell', 'A=${HOME}/x\nB="$HOME"', { A: '/home/ada/x', B: '/home/ada' }],
  ['variables of the file', 'A=1\nB=${A}2\nC=${D:-${B}3}', { A: '1', B: '12', C: '123' }],
  ['a key without value', 'SHELL_ONLY\nNOWHERE', { SHELL_ONLY: 'shell', NOWHERE: null }],
])('%s', (_name, text, expected) => {
  expect(Object.fromEntries(parseDotenv(text, lookup))).toEqual(expected);
});

test.each([
  ['an open quote', 'A="b\nC=d', 'the closing quote is missing', 2],
  ['a space in a name', 'A B=c', 'a variable name cannot contain a space: "A B=c"', 2],
  ['a strange character', 'A%=c', 'unexpected character "%" in variable name "A%=c"', 1],
  ['a required variable', 'A=${NO:?needed}', 'variable "NO" must be set: needed', 2],
  [
    'a bad variable',
    'A=x${NO/1}',
    'invalid variable: "${NO/1}" is not a variable with a default, an alternative or an error',
    3,
  ],
])('%s must be an error at its place', (...[, text, message, offset]) => {
  expect(() => parseDotenv(text, lookup)).toThrow(
    expect.objectContaining({ message, offset, name: 'DotenvError' }) as DotenvError,
  );
});

test('raw format must keep values as they are', () => {
  const text = '# c\nA="b" # c \nB=$HOME\nSHELL_ONLY\nNOWHERE\n';
  expect(Object.fromEntries(parseRawEnv(text, lookup))).toEqual({
    A: '"b" # c ',
    B: '$HOME',
    SHELL_ONLY: 'shell',
    NOWHERE: null,
  });
});
