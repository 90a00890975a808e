import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { type ComposeErrorCode, composeErrorCodes } from '../../../../compose/index.ts';
import {
  caretsOf,
  folder,
  type Mark,
  printCases,
  printedError,
  readCases,
} from '../lib/invalid.ts';

const files = readCases();
const all = files.flatMap(({ cases }) => cases);
const spot = ({ file, line, column, token }: Mark): string => `${file}:${line}:${column} ${token}`;

describe('invalid projects', () => {
  test('there must be at least three hundred, each with a name of its own', () => {
    expect(all.length).toBeGreaterThanOrEqual(300);
    expect(new Set(all.map(({ name }) => name)).size).toBe(all.length);
  });

  /** `vitest -u` writes what is printed into the files: read the difference before committing it. */
  test.each(files)('$name must be printed as it says', async ({ name, cases }) => {
    await expect(printCases(cases)).toMatchFileSnapshot(fileURLToPath(new URL(name, folder)));
  });

  test.each(all)('"$name" must name a file, a line and a column, without a stack', (one) => {
    const printed = printedError(one);
    const heads = printed.match(/^error\[/gm) ?? [];
    expect(printed.match(/^ *--> \S+:\d+:\d+$/gm) ?? []).toHaveLength(heads.length);
    expect(printed).not.toMatch(/^\s+at .*[(/].*:\d+:\d+|internal error|\[object /m);
  });

  test('the caret must be under the token that is wrong, in 95 of 100 at least', () => {
    const missed = all.flatMap((one) => {
      const wanted = one.marks.map(spot).sort();
      const found = caretsOf(printedError(one)).map(spot).sort();
      const isRight = wanted.length > 0 && wanted.join('\n') === found.join('\n');
      return isRight ? [] : [`${one.name}: wanted ${wanted.join(', ')}; found ${found.join(', ')}`];
    });
    expect(missed.length > all.length * 0.05 ? missed : []).toEqual([]);
  });

  test('every code must be among them', () => {
    // Of the command line, of engines, of images and of files too large to show; other tests render these.
    const elsewhere: readonly ComposeErrorCode[] = [
      'dependency-failed',
      'engine-refused',
      'file-not-found',
      'missing-image',
      'no-configuration',
      'no-service',
      'not-supported',
      'port-in-use',
      'too-deep',
      'too-large',
      'update-failed',
    ];
    const shown = all.flatMap((one) =>
      [...printedError(one).matchAll(/^error\[([a-z-]+)\]/gm)].map(([, code]) => code),
    );
    const missing = composeErrorCodes.filter((code) => !shown.includes(code));
    expect(missing.filter((code) => !elsewhere.includes(code))).toEqual([]);
  });
});
