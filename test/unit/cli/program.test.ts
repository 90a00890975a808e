import { describe, expect, test } from 'vitest';
import { CliError } from '../../../cli/cli-error.ts';
import { commands } from '../../../cli/commands/index.ts';
import { parseCommandLine } from '../../../cli/program.ts';

function parse(...argv: readonly string[]): { name: string; request: object; global: object } {
  const invocation = parseCommandLine(argv);
  if (invocation.kind === 'text') throw new Error(`only text: ${invocation.text}`);
  const { command, request, global } = invocation;
  return { name: command.name, request, global: { ...global } };
}

function text(...argv: readonly string[]): string {
  const invocation = parseCommandLine(argv);
  if (invocation.kind !== 'text') throw new Error('no text');
  return invocation.text;
}

function failure(...argv: readonly string[]): { message: string; hint: string | undefined } {
  try {
    parseCommandLine(argv);
  } catch (error) {
    if (!(error instanceof CliError)) throw error;
    return { message: error.message, hint: error.hint };
  }
  throw new Error('it was accepted');
}

describe('the command line', () => {
  test.each([
    {
      argv: ['up', '-d', 'web', 'db'],
      expected: { name: 'up', request: { detach: true, services: ['web', 'db'] } },
    },
    {
      argv: ['up', '--scale', 'web=3', '--scale', 'db=1', '-t', '5'],
      expected: {
        name: 'up',
        request: {
          scale: [
            ['web', 3],
            ['db', 1],
          ],
          timeout: 5,
          services: [],
        },
      },
    },
    {
      argv: ['logs', '-f', '-n', '20', '--no-color', '--no-log-prefix'],
      expected: {
        name: 'logs',
        request: { follow: true, tail: 20, noColor: true, noLogPrefix: true, services: [] },
      },
    },
    {
      argv: ['ps', '--services', 'web', '--no-trunc'],
      expected: { name: 'ps', request: { listServices: true, noTrunc: true, services: ['web'] } },
    },
    { argv: ['daemon', 'stop'], expected: { name: 'stop', request: {} } },
    { argv: ['daemon'], expected: { name: 'daemon', request: {} } },
  ])('$argv', ({ argv, expected }) => {
    const { name, request } = parse(...argv);
    expect({ name, request }).toEqual(expected);
  });

  test('-f before a command names a file, behind `logs` it follows', () => {
    const { request, global } = parse('-f', 'a.yaml', '-f', 'b.yaml', 'logs', '-f');
    expect(global).toEqual({ file: ['a.yaml', 'b.yaml'] });
    expect(request).toEqual({ follow: true, services: [] });
  });

  test('every global option fills its own key', () => {
    const { global } = parse(
      ...['-p', 'shop', '--profile', 'x', '--profile', 'y', '--env-file', 'e'],
      ...['--project-directory', '/d', '-H', 'embedded', '--progress', 'json', '--ansi', 'never'],
      '--all-resources',
      'ps',
    );
    expect(global).toEqual({
      projectName: 'shop',
      profile: ['x', 'y'],
      envFile: ['e'],
      projectDirectory: '/d',
      host: 'embedded',
      progress: 'json',
      ansi: 'never',
      allResources: true,
    });
  });

  test('--workdir is the old name of --project-directory', () => {
    expect(parse('--workdir', '/d', 'ps').global).toEqual({ projectDirectory: '/d' });
  });

  test.each([
    {
      argv: ['pss'],
      message: 'unknown command "pss"',
      hint: 'did you mean "ps"?',
    },
    {
      argv: ['frobnicate'],
      message: 'unknown command "frobnicate"',
      hint: '`tscompose --help` shows what there is',
    },
    {
      argv: ['up', '--detahc'],
      message: 'unknown option "--detahc"',
      hint: 'did you mean "--detach"?',
    },
    {
      argv: ['up', '--progress', 'plain'],
      message: 'unknown option "--progress"',
      hint: 'put --progress before the command: `tscompose --progress … up`',
    },
    {
      argv: ['up', '-t', 'soon'],
      message: '--timeout: "soon" is not a number of whole seconds',
      hint: undefined,
    },
    {
      argv: ['up', '--scale', 'web'],
      message: 'invalid --scale option "web". Should be SERVICE=NUM',
      hint: 'write it like `web=3`',
    },
    {
      argv: ['--progress', 'loud', 'up'],
      message:
        'option "--progress <style>" argument "loud" is invalid. Allowed choices are auto, tty, plain, json, quiet.',
      hint: '`tscompose up --help` shows what there is',
    },
    {
      argv: ['version', 'x'],
      message: 'too many arguments for "version". Expected 0 arguments but got 1.',
      hint: '`tscompose version --help` shows what there is',
    },
  ])('$argv is refused with what to do instead', ({ argv, message, hint }) => {
    expect(failure(...argv)).toEqual({ message, hint });
  });
});

describe('--help', () => {
  test('of the program lists every command with its summary', () => {
    const help = text('--help');
    for (const { name, summary, isHidden } of commands) {
      if (isHidden) continue;
      expect(help).toMatch(new RegExp(`^ {2}${name}\\b.* ${summary.split(' ')[0] ?? ''}`, 'mu'));
    }
    expect(text()).toBe(help);
  });

  test.each(commands.map(({ name }) => name))('of %s shows its usage and ends with 0', (name) => {
    expect(text(name, '--help')).toMatch(new RegExp(`^Usage: tscompose ${name}`, 'u'));
    expect(text('help', name)).toBe(text(name, '--help'));
  });

  test('--version is one line', () => {
    expect(text('--version')).toBe('tscompose version v0.0.0-source\n');
  });

  test('must show what a group has where it stands alone', () => {
    expect(text('volume')).toContain('Usage: tscompose volume');
    expect(text('volume')).toContain('prune [options]');
    expect(parse('volume', 'rm', '-f', 'a', 'b')).toEqual({
      name: 'rm',
      request: { force: true, names: ['a', 'b'] },
      global: {},
    });
    expect(failure('volume', 'eat').message).toBe('unknown command "eat"');
    expect(failure('network', 'ls', '--filter', 'x').message).toBe(
      '--filter: bad format of filter (expected name=value)',
    );
  });
});
