/** The scripts that make a shell complete, in the shells themselves. */
import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { cliPath, command, TestEngine } from '../lib/engine.ts';
import { missing } from '../lib/requires.ts';

const file = 'name: c\nservices: {web: {image: a}, worker: {image: a}}\n';

/** How each shell says that it understands a script, without running it. */
const checks = [
  ['bash', ['-n']],
  ['zsh', ['-n']],
  ['fish', ['--no-execute']],
] as const;

describe('completion scripts', () => {
  let engine: TestEngine;
  const scriptOf = (shell: string): string => join(engine.root, `completion.${shell}`);

  beforeAll(async () => {
    engine = await TestEngine.create();
    await writeFile(join(engine.root, 'project', 'compose.yaml'), file);
    for (const [shell] of checks)
      await writeFile(scriptOf(shell), await engine.mustCli(['completion', shell]));
  });
  afterAll(async () => {
    await engine[Symbol.asyncDispose]();
  });

  for (const [shell, options] of checks) {
    const absent = shell === 'bash' ? [] : missing(shell);
    test.skipIf(absent.length > 0)(
      `that of ${shell} must be understood (missing: ${absent.join() || 'nothing'})`,
      async () => {
        expect(await command(shell, [...options, scriptOf(shell)])).toEqual({
          code: 0,
          stdout: '',
          stderr: '',
        });
      },
    );
  }

  test.each([
    [['vol'], ['volume', 'volumes']],
    [
      ['up', 'w'],
      ['web', 'worker'],
    ],
    [['up', '--no-st'], ['--no-start']],
  ])('bash must complete %j to %j', async (words, expected) => {
    const bin = join(engine.root, 'bin');
    await mkdir(bin, { recursive: true });
    await writeFile(
      join(bin, 'tscompose'),
      `#!/bin/sh\nexec "${process.execPath}" "${cliPath}" "$@"\n`,
    );
    await chmod(join(bin, 'tscompose'), 0o755);
    const typed = ['tscompose', ...words].map((word) => `'${word}'`).join(' ');
    const script = `. '${scriptOf('bash')}'; COMP_WORDS=(${typed}); COMP_CWORD=${words.length}; _tscompose; printf '%s\\n' "\${COMPREPLY[@]}"`;
    const { stdout, stderr } = await command('bash', ['-c', script], {
      cwd: join(engine.root, 'project'),
      env: { ...engine.env, PATH: `${bin}:${process.env['PATH'] ?? ''}` },
    });
    expect(stdout.trimEnd().split('\n').sort(), stderr).toEqual(expected);
  });
});
