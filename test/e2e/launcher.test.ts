/** The installed command, started as a shell starts it. */
import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { cliPath } from '../lib/engine.ts';
import { tempDir } from '../lib/temp-dir.ts';

const run = promisify(execFile);

test('an env file must not become options of Node', async () => {
  await using directory = await tempDir();
  const at = (name: string): string => join(directory.path, name);
  await writeFile(at('code.cjs'), 'console.log("from the env file");');
  await writeFile(at('e.env'), `NODE_OPTIONS=--require=${at('code.cjs')}\nTAG=1\n`);
  await writeFile(at('compose.yaml'), 'services: {web: {image: "x:$TAG"}}');
  const { stdout } = await run(cliPath, ['--env-file', 'e.env', 'config', '--images'], {
    cwd: directory.path,
  });
  expect(stdout).toBe('x:1\n');
});

test('files that a shell makes of commands must be read', async () => {
  await using directory = await tempDir();
  const script = `'${cliPath}' --env-file <(echo TAG=2) -f <(echo 'services: {web: {image: "x:$TAG"}}') config --images`;
  const { stdout } = await run('bash', ['-c', script], { cwd: directory.path });
  expect(stdout).toBe('x:2\n');
});

test('a missing env file must be reported by this program', async () => {
  await using directory = await tempDir();
  await writeFile(join(directory.path, 'compose.yaml'), 'services: {web: {image: x}}');
  const failing = run(cliPath, ['--env-file', 'no.env', 'config'], { cwd: directory.path });
  await expect(failing).rejects.toMatchObject({
    code: 1,
    stderr: expect.stringContaining('no.env" cannot be read: no such file') as string,
  });
});
