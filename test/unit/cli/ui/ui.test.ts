import { expect, test } from 'vitest';
import { createUi, type UiRequest } from '../../../../cli/ui/ui.ts';

const stream = (isTTY: boolean, columns = 80): NodeJS.WriteStream =>
  ({ isTTY, columns, write: () => true, once: () => undefined }) as unknown as NodeJS.WriteStream;

interface Case {
  readonly name: string;
  readonly given: Partial<UiRequest>;
  readonly expected: string;
}

const cases: readonly Case[] = [
  { name: 'a terminal is redrawn', given: {}, expected: 'tty' },
  { name: 'a pipe gets lines', given: { stderr: stream(false) }, expected: 'plain' },
  {
    name: 'a terminal without width gets lines',
    given: { stderr: stream(true, 0) },
    expected: 'plain',
  },
  { name: 'a dumb terminal gets lines', given: { env: { TERM: 'dumb' } }, expected: 'plain' },
  { name: 'continuous integration gets lines', given: { env: { CI: 'true' } }, expected: 'plain' },
  { name: '--ansi never gets lines', given: { ansi: 'never' }, expected: 'plain' },
  { name: '--progress wins', given: { progress: 'json', stderr: stream(false) }, expected: 'json' },
  {
    name: '--progress tty wins over CI',
    given: { progress: 'tty', env: { CI: '1' } },
    expected: 'tty',
  },
  { name: 'standard output has no say', given: { stdout: stream(false) }, expected: 'tty' },
];

test.each(cases)('$name', ({ given, expected }) => {
  const ui = createUi({
    progress: 'auto',
    ansi: 'auto',
    env: {},
    stdout: stream(true),
    stderr: stream(true),
    ...given,
  });
  expect(ui.progressStyle).toBe(expected);
});
