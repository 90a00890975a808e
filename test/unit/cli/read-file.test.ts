import { execFileSync } from 'node:child_process';
import { closeSync, mkdirSync, openSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readFile } from '../../../cli/read-file.ts';
import { tempDir, type TempDir } from '../../lib/temp-dir.ts';

let directory: TempDir;
const at = (name: string): string => join(directory.path, name);

beforeAll(async () => {
  directory = await tempDir();
});
afterAll(() => directory[Symbol.asyncDispose]());

test('a file must be read through links, as UTF-8', () => {
  writeFileSync(at('a'), 'é\n');
  symlinkSync('a', at('link'));
  expect(readFile(at('link'))).toEqual({ kind: 'text', text: 'é\n' });
});

test('what is not there must be absent', () => {
  writeFileSync(at('b'), '');
  symlinkSync('nowhere', at('dangling'));
  for (const name of ['nope', 'b/below', 'dangling']) {
    expect(readFile(at(name))).toEqual({ kind: 'absent' });
  }
});

test('a directory must be told', () => {
  mkdirSync(at('d'));
  expect(readFile(at('d'))).toEqual({ kind: 'directory' });
});

test('a named pipe without a writer must be refused, not waited for', () => {
  execFileSync('mkfifo', [at('pipe')]);
  expect(readFile(at('pipe'))).toEqual({
    kind: 'failed',
    reason: 'it is a named pipe, not a file',
  });
});

test('devices and sockets must be refused', async () => {
  const server = createServer().listen(at('socket'));
  await new Promise((resolve) => server.once('listening', resolve));
  try {
    expect(readFile(at('socket'))).toEqual({
      kind: 'failed',
      reason: 'it is a socket, not a file',
    });
  } finally {
    server.close();
  }
  expect(readFile('/dev/zero')).toEqual({ kind: 'failed', reason: 'it is a device, not a file' });
});

test('/dev/null must be an empty file', () => {
  expect(readFile('/dev/null')).toEqual({ kind: 'text', text: '' });
});

test('a huge file must be refused before it is read', () => {
  writeFileSync(at('huge'), '');
  truncateSync(at('huge'), 3 * 1024 ** 4);
  expect(readFile(at('huge'))).toMatchObject({
    kind: 'failed',
    reason: 'it has 3145728 MiB, and more than 64 MiB is no compose file',
  });
});

test('an inherited descriptor must be read, and keep what it gave', () => {
  writeFileSync(at('c'), 'A=1');
  const descriptor = openSync(at('c'), 'r');
  const first = readFile(`/dev/fd/${descriptor}`);
  closeSync(descriptor);
  expect(first).toEqual({ kind: 'text', text: 'A=1' });
  expect(readFile(`/dev/fd/${descriptor}`)).toEqual(first);
});

test('links in a circle and names that are too long must be told', () => {
  symlinkSync('circle', at('circle'));
  expect(readFile(at('circle'))).toEqual({ kind: 'failed', reason: 'too many symbolic links' });
  const reason = 'the name is too long';
  expect(readFile(at('x'.repeat(300)))).toEqual({ kind: 'failed', reason });
});
