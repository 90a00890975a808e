import { expect, test } from 'vitest';
import {
  type DotenvEntries,
  type DotenvError,
  parseDotenv,
  parseRawEnv,
} from '../../../../compose/load/dotenv.ts';

const shell: Readonly<Record<string, string>> = { HOME: '/home/ada', SHELL_ONLY: 'shell' };
const lookup = (name: string): string | undefined => shell[name];

function parse(text: string): Record<string, string> {
  return shown(parseDotenv(text, { lookup }));
}

function shown(entries: DotenvEntries): Record<string, string> {
  return Object.fromEntries(entries);
}

/** compose-spec 06-env-file, and what docker compose 2.40.3 was seen to read: rows IN-11 to IN-16. */
test.each<readonly [string, string, Record<string, string>]>([
  ['plain', 'A=b', { A: 'b' }],
  ['spaces around the sign', 'A = b ', { A: 'b' }],
  ['white space that is not of ASCII', 'A\u00a0=\u0085b\u00a0', { A: 'b' }],
  ['a colon', 'A: b\nB :c', { A: 'b', B: 'c' }],
  ['two signs', 'A==b\nC:=d', { A: '=b', C: '=d' }],
  ['export', 'export A=b\nexport\tB=c\n export C=d', { A: 'b', B: 'c', C: 'd' }],
  ['export on a line of its own', 'export\nA=b', { A: 'b' }],
  ['a name that begins like export', 'exports=a\nexport.B=c', { exports: 'a', 'export.B': 'c' }],
  ['comments and blank lines', '# x\n\n \t\nA=b # c\nB=a#b', { A: 'b', B: 'a#b' }],
  ['a comment needs a space before it', 'A=#b\nB= #b\nC=b\t#c', { A: '#b', B: '#b', C: 'b\t#c' }],
  ['CRLF and a byte order mark', '\uFEFFA=b\r\nB="c"\r\nC\r\n', { A: 'b', B: 'c' }],
  ['empty value', 'A=\nB= \nC=""', { A: '', B: '', C: '' }],
  ['names with dots, dashes, brackets', 'a.b-c[0]=x\n-=y', { 'a.b-c[0]': 'x', '-': 'y' }],
  ['names that begin with a digit', '456 = ABC', { 456: 'ABC' }],
  ['letters of any script', 'ключ=1\nÉ=2', { ключ: '1', É: '2' }],
  ['quotes inside a value', 'A=un"quoted\'mid', { A: 'un"quoted\'mid' }],
  ['no escapes without quotes', 'A=a\\nb\\', { A: 'a\\nb\\' }],
  ['double quotes', 'A="a\\tb\\n\\"c\\" \\\\ \\$HOME" # x', { A: 'a\tb\n"c" \\ $HOME' }],
  ['all escapes', 'A="\\a\\b\\f\\r\\v"', { A: '\x07\b\f\r\v' }],
  ['what is no escape', 'A="\\c\\x41\\q\\ \\\'"', { A: "\\c\\x41\\q\\ \\'" }],
  ['octal escapes have three digits', 'A="\\0101\\07\\0777\\08"', { A: 'A\\7\\777\\8' }],
  ['double quotes over lines', 'A="a\n # b\nc"\nB=c', { A: 'a\n # b\nc', B: 'c' }],
  ['single quotes', "A='a $HOME \\n \\' b'\nB=c", { A: "a $HOME \\n ' b", B: 'c' }],
  ['a comment behind quotes', 'A="b"#c\nB=\'d\' # e', { A: 'b', B: 'd' }],
  [
    'an entry behind quotes',
    'A="b" C=d\nE=\'f\'SHELL_ONLY\n',
    { A: 'b', C: 'd', E: 'f', SHELL_ONLY: 'shell' },
  ],
  ['variables of the shell', 'A=${HOME}/x\nB="$HOME"', { A: '/home/ada/x', B: '/home/ada' }],
  ['variables of the file', 'A=1\nB=${A}2\nC=${D:-${B}3}', { A: '1', B: '12', C: '123' }],
  ['variables before they are set', 'B=$A\nA=1', { A: '1', B: '' }],
  ['the shell before the file', 'HOME=/here\nA=$HOME', { HOME: '/here', A: '/home/ada' }],
  ['a dollar sign', 'A=$$HOME\nB=$1 $', { A: '$HOME', B: '$1 $' }],
  ['a key without value', 'SHELL_ONLY\nNOWHERE', { SHELL_ONLY: 'shell' }],
  ['a key without value keeps the one it has', 'A=1\nA\nB=$A', { A: '1', B: '1' }],
  ['the last one', 'A=1\nA=${A}2', { A: '12' }],
])('%s', (_name, text, expected) => {
  expect(parse(text)).toEqual(expected);
});

test('a line without a name must be kept, with a warning', () => {
  const warnings: unknown[] = [];
  const onWarning = (...warning: unknown[]): void => void warnings.push(warning);
  expect(shown(parseDotenv('A=b\n==== x', { lookup, onWarning }))).toEqual({ A: 'b', '': '=== x' });
  expect(warnings).toEqual([['a variable name is missing', 4, 6]]);
});

test.each([
  ['an open quote', 'A="b\nC=d', 'the closing quote is missing', 2, 2],
  ['a space in a name', 'A B=c', 'a variable name cannot contain a space: "A B=c"', 0, 3],
  ['a space in a name without value', 'A B', 'a variable name cannot contain a space: "A B"', 0, 3],
  ['a strange character', 'A%=c', 'unexpected character "%" in variable name "A%=c"', 0, 2],
  ['a character of two units', '😀=c', 'unexpected character "😀" in variable name "😀=c"', 0, 2],
  ['text behind quotes', 'A="b" "c"', 'unexpected character "\\"" in variable name ""c""', 6, 3],
  ['a required variable', 'A=${NO:?needed}', 'variable "NO" must be set: needed', 2, 13],
  ['one behind escapes', 'A="\\n\\n${NO?}"', 'variable "NO" must be set', 7, 6],
  [
    'a bad variable',
    'A=x${NO/1}',
    'invalid variable: "${NO/1}" is not a variable with a default, an alternative or an error',
    3,
    7,
  ],
])('%s must be an error at its place', (...[, text, message, offset, length]) => {
  expect(() => parse(text)).toThrow(
    expect.objectContaining({ message, offset, length, name: 'DotenvError' }) as DotenvError,
  );
});

test('raw format must keep values as they are', () => {
  const text = '\uFEFF# c\n  A="b" # c \r\nB=$HOME\nSHELL_ONLY\nNOWHERE\n\nC=\nA\n';
  expect(shown(parseRawEnv(text, { lookup }))).toEqual({
    A: '"b" # c ',
    B: '$HOME',
    SHELL_ONLY: 'shell',
    C: '',
  });
});

test.each([
  ['=b', 'a variable name is missing'],
  ['A B=c', '"A B" is no variable name'],
  ['A =c', '"A " is no variable name'],
])('raw format must refuse %j', (text, message) => {
  expect(() => parseRawEnv(`X=1\n${text}`, { lookup })).toThrow(
    expect.objectContaining({ message, offset: 4, name: 'DotenvError' }) as DotenvError,
  );
});
