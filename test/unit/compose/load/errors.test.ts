import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { type ComposeErrorCode, composeErrorCodes } from '../../../../compose/index.ts';
import { errorText, loadText } from '../lib/host.ts';

/** Cases of errors.golden.txt: "=== name", the file, "---", what is printed of it. */
const golden = readFileSync(new URL('errors.golden.txt', import.meta.url), 'utf8');

const cases = golden
  .split(/^=== /m)
  .slice(1)
  .map((block) => {
    const [name = '', ...rest] = block.split('\n');
    const [input = '', expected = ''] = rest.join('\n').split(/^---\n/m);
    return { name, input, expected: expected.trimEnd() };
  });

test('the table must hold at least sixty mistakes', () => {
  expect(cases.length).toBeGreaterThanOrEqual(60);
});

test.each(cases)('$name must be reported where it stands', ({ input, expected }) => {
  expect(errorText(() => loadText(input))).toBe(expected);
});

test('every code must have a rendering that is tested', () => {
  // Reported outside a compose file's text: source.test.ts, reconcile.test.ts, executor.test.ts, pathological.test.ts.
  const elsewhere: readonly ComposeErrorCode[] = [
    'dependency-failed',
    'empty-file',
    'engine-refused',
    'file-not-found',
    'invalid-project-name',
    'missing-image',
    'no-configuration',
    'no-service',
    'not-supported',
    'port-in-use',
    'too-deep',
  ];
  const shown = cases.flatMap(({ expected }) =>
    [...expected.matchAll(/^error\[([a-z-]+)\]/gm)].map(([, code]) => code),
  );
  expect([...new Set([...shown, ...elsewhere])].sort()).toEqual([...composeErrorCodes].sort());
});
