import { describe, expect, test } from 'vitest';
import { CliError } from '../../../cli/cli-error.ts';
import { describeFailure, failureJson } from '../../../cli/errors.ts';
import { Interrupted } from '../../../cli/signals.ts';
import { plainStyle } from '../../../cli/ui/style.ts';
import { ComposeError, ComposeErrors, formatComposeError } from '../../../compose/index.ts';
import { loadText } from '../compose/lib/host.ts';
import { EngineError } from '../../../engine/api/index.ts';

const describe_ = (error: unknown): ReturnType<typeof describeFailure> =>
  describeFailure(error, plainStyle);

describe('a failure', () => {
  test('of the command line is its message and what to do', async () => {
    const error = new CliError('--host is empty', { hint: 'give an address' });
    expect(await describe_(error)).toEqual({
      text: 'error: --host is empty\nhint: give an address\n',
      message: '--host is empty',
      exitCode: 1,
    });
  });

  test('of the engine shows its chain of causes, each once', async () => {
    const bind = new Error('bind(2): EADDRINUSE');
    const error = new EngineError('conflict', 'cannot start "shop-web-1": port 8080 is in use', {
      hint: 'process 4312 (nginx) holds it; stop it or publish another port',
      cause: new Error('cannot reserve the port', { cause: bind }),
    });
    expect((await describe_(error)).text).toBe(
      'error: cannot start "shop-web-1": port 8080 is in use\n' +
        'hint: process 4312 (nginx) holds it; stop it or publish another port\n' +
        'caused by: cannot reserve the port\n' +
        'caused by: bind(2): EADDRINUSE\n',
    );
  });

  test('of the compose file stands at its place, several one after the other', async () => {
    const position = { file: 'compose.yaml', line: 14, column: 9 };
    const twice = new ComposeError('duplicate-name', 'service "web" publishes port 8080 twice', {
      position,
      excerpt: {
        line: 14,
        text: '      - "8080:80"',
        before: '    ports:',
        column: 9,
        length: 9,
      },
      hint: 'remove one entry',
    });
    const missing = new ComposeError('no-service', 'no service is selected');
    expect(await describe_(new ComposeErrors([twice, missing]))).toEqual({
      text: `${formatComposeError(twice)}\n\n${formatComposeError(missing)}\n`,
      message: 'service "web" publishes port 8080 twice\nno service is selected',
      exitCode: 1,
    });
  });

  test('of several kinds at once is all of them', async () => {
    const error = new AggregateError([new CliError('one'), new EngineError('internal', 'two')]);
    expect((await describe_(error)).text).toBe('error: one\nerror: two\n');
  });

  test('of the system is no mistake of ours', async () => {
    const error = Object.assign(new Error('ENOSPC: no space left on device, write'), {
      code: 'ENOSPC',
      syscall: 'write',
    });
    expect((await describe_(error)).text).toBe('error: ENOSPC: no space left on device, write\n');
  });

  test('that nobody expected shows its stack and asks for a report', async () => {
    const error = new TypeError('x is not a function');
    error.stack = 'TypeError: x is not a function\n    at f (cli.cjs:1:1)';
    expect(await describe_(error)).toEqual({
      text:
        'internal error: TypeError: x is not a function\n    at f (cli.cjs:1:1)\n' +
        'This is a mistake in tscompose, not in what you did. Please report the lines above, with what\n' +
        '`tscompose version` prints and the command that you ran.\n',
      message: 'internal error: x is not a function',
      exitCode: 1,
    });
  });

  test('that is an interrupt says nothing and ends as shells expect', async () => {
    expect(await describe_(new Interrupted('SIGINT'))).toEqual({
      text: '',
      message: '',
      exitCode: 130,
    });
  });
});

/** What `--format json` prints on standard error. */
async function json(error: unknown): Promise<unknown> {
  const text = await failureJson(error, await describe_(error));
  expect(text).toMatch(/^[^\n]+\n$/);
  return JSON.parse(text) as unknown;
}

describe('a failure for machines', () => {
  test('must have every field of an error, and the warnings before it', async () => {
    let thrown: unknown;
    try {
      loadText('version: "3"\nservices:\n  web:\n    image: a\n    prots: []\n');
    } catch (error) {
      thrown = error;
    }
    expect(await json(thrown)).toEqual({
      errors: [
        {
          code: 'unknown-key',
          message: 'unknown key "prots" in service "web"',
          file: 'compose.yaml',
          line: 5,
          column: 5,
          endLine: 5,
          endColumn: 10,
          path: 'services.web.prots',
          label: 'did you mean "ports"?',
          hint: null,
          related: [],
          docs: 'compose/docs/errors/unknown-key.md',
        },
      ],
      omitted: 0,
      warnings: [
        {
          message: 'the key "version" is obsolete and ignored: remove it',
          file: 'compose.yaml',
          line: 1,
          column: 1,
        },
      ],
    });
  });

  test('must name the other places that belong to it', async () => {
    let thrown: unknown;
    try {
      loadText('services:\n  web: {image: a}\n  web: {image: b}\n');
    } catch (error) {
      thrown = error;
    }
    expect(await json(thrown)).toMatchObject({
      errors: [{ related: [{ message: 'first at', file: 'compose.yaml', line: 2, column: 3 }] }],
    });
  });

  test('must count what comes after twenty errors', async () => {
    const keys = Array.from({ length: 25 }, (_, index) => `  s${index}: ${index}\n`).join('');
    let thrown: unknown;
    try {
      loadText(`services:\n${keys}`);
    } catch (error) {
      thrown = error;
    }
    const found = (await json(thrown)) as { errors: unknown[]; omitted: number };
    expect([found.errors.length, found.omitted]).toEqual([20, 5]);
    expect((await describe_(thrown)).text).toMatch(/\n\nand 5 more: correct these first\n$/);
  });

  test('must have the same fields where no file is wrong', async () => {
    expect(await json(new CliError('--host is empty', { hint: 'give an address' }))).toEqual({
      errors: [
        {
          ...Object.fromEntries(
            'code file line column endLine endColumn path label docs'
              .split(' ')
              .map((key) => [key, null]),
          ),
          message: '--host is empty',
          hint: 'give an address',
          related: [],
        },
      ],
      omitted: 0,
      warnings: [],
    });
  });
});
