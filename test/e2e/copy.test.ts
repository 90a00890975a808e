/** `tscompose cp`, `export` and `commit` on a project of two services. */
import { execFileSync } from 'node:child_process';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { expectNoLeaks, takeAudit, type Audit } from '../lib/audit.ts';
import { TestEngine, type CommandResult } from '../lib/engine.ts';
import { missing } from '../lib/requires.ts';

const absent = missing('root', 'overlayfs', 'nftables', 'busybox');

const compose = `name: copy
services:
  web:
    image: app
    command: sh -c 'mkdir -p /srv/deep; echo one >/srv/deep/one; ln -s deep /srv/link; exec sleep 1000'
    volumes: [data:/data]
    deploy: { replicas: 2 }
  idle:
    image: app
    command: sh -c 'true'
    user: "7:8"
volumes: { data: {} }
`;

describe.skipIf(absent.length > 0)(`copies (missing: ${absent.join() || 'nothing'})`, () => {
  let engine: TestEngine;
  let before: Audit;
  let place: string;

  beforeAll(async () => {
    engine = await TestEngine.create();
    before = await takeAudit(engine.scope);
    await engine.start();
    place = join(engine.root, 'project');
    writeFileSync(join(place, 'compose.yaml'), compose);
    const script =
      'mkdir -p t/bin t/srv && cp /bin/busybox t/bin && ln -s busybox t/bin/sh && tar -C t -c .';
    const archive = execFileSync('sh', ['-c', script], { maxBuffer: 64 << 20, cwd: engine.root });
    await engine.client.images.import(chunks(archive), {
      reference: 'app',
      changes: ['ENTRYPOINT ["/bin/busybox"]'],
    });
    const up = await run('up', '-d');
    expect(up.code, up.stderr).toBe(0);
  });
  afterAll(async () => {
    await run('down', '-v');
    await engine[Symbol.asyncDispose]();
    await expectNoLeaks(before, engine.scope);
  });

  function run(...args: readonly string[]): Promise<CommandResult> {
    return engine.cli(args, { cwd: place });
  }

  async function ok(...args: readonly string[]): Promise<string> {
    const { code, stdout, stderr } = await run(...args);
    expect(code, stderr).toBe(0);
    return stdout;
  }

  function put(name: string, content: string): string {
    writeFileSync(join(place, name), content);
    return name;
  }

  test('a file must reach every replica, and one when it is chosen', async () => {
    put('new', 'new\n');
    await ok('cp', 'new', 'web:/srv/everywhere');
    await ok('cp', '--index', '2', './new', 'web:/srv/second');
    for (const index of ['1', '2']) {
      await ok('cp', '--index', index, 'web:/srv/everywhere', `back-${index}`);
      expect(readFileSync(join(place, `back-${index}`), 'utf8')).toBe('new\n');
    }
    await ok('cp', '--index', '2', 'web:/srv/second', 'back-second');
    const first = await run('cp', '--index', '1', 'web:/srv/second', 'back-first');
    expect(first.code).toBe(1);
    expect(first.stderr).toContain('Could not find the file /srv/second in container');
    expect(existsSync(join(place, 'back-first'))).toBe(false);
  });

  test.each([
    ['web:/srv/deep', 'fresh', 'fresh/one'],
    ['web:/srv/deep', '.', 'deep/one'],
    ['web:/srv/deep/.', 'contents', 'contents/one'],
    ['web:/srv/link/', 'through', 'through/one'],
    ['web:srv/deep/one', 'relative', 'relative'],
    ['web:/srv/../srv/deep/one', 'dots', 'dots'],
  ])('%s to %s must make %s', async (from, to, result) => {
    await ok('cp', from, to);
    expect(readFileSync(join(place, result), 'utf8')).toBe('one\n');
  });

  test('a link must stay one, and be followed with -L', async () => {
    await ok('cp', 'web:/srv/link', 'as-link');
    expect(lstatSync(join(place, 'as-link')).isSymbolicLink()).toBe(true);
    await ok('cp', '-L', 'web:/srv/link', 'followed');
    expect(readFileSync(join(place, 'followed/one'), 'utf8')).toBe('one\n');
    symlinkSync('compose.yaml', join(place, 'local-link'));
    await ok('cp', '--index', '1', '-L', 'local-link', 'web:/srv/was-link');
    await ok('cp', 'web:/srv/was-link', 'was-link');
    expect(readFileSync(join(place, 'was-link'), 'utf8')).toBe(compose);
  });

  test('a volume and a container that has ended must be reached', async () => {
    mkdirSync(join(place, 'tree/inner'), { recursive: true });
    put('tree/inner/file', 'inner\n');
    await ok('cp', '--index', '1', 'tree', 'web:/data');
    await ok('cp', '--index', '2', 'web:/data/tree/inner/file', 'from-volume');
    expect(readFileSync(join(place, 'from-volume'), 'utf8')).toBe('inner\n');
    await ok('cp', '-a', 'tree/.', 'idle:/owned');
    await ok('cp', 'idle:/owned/inner/file', 'from-idle');
    expect(readFileSync(join(place, 'from-idle'), 'utf8')).toBe('inner\n');
    const archive = await ok('cp', 'idle:/owned', '-');
    const listed = execFileSync('tar', ['-tv', '--numeric-owner'], { input: archive }).toString();
    expect(listed).toMatch(/^-rw\S+ 7\/8 .* owned\/inner\/file$/m);
  });

  test('a mistake must be told before anything is copied', async () => {
    const wrong = async (...args: readonly string[]): Promise<string> => {
      const { code, stderr } = await run('cp', ...args);
      expect(code).toBe(1);
      return stderr;
    };
    expect(await wrong('web:/a', 'idle:/b')).toContain('copying between services');
    expect(await wrong('./a', './b')).toContain('neither side names a service');
    expect(await wrong('none:/a', './b')).toContain('no container found for service "none"');
    expect(await wrong('./missing', 'web:/b')).toContain('does not exist');
    expect(await wrong('--index', '1', './compose.yaml', 'web:/none/b')).toContain(
      'Could not find the file /none in container',
    );
    expect(await wrong('web:/srv', './compose.yaml')).toContain('cannot copy directory');
  });

  test('what goes wrong in the middle of a large copy must be told', async () => {
    mkdirSync(join(place, 'large/srv'), { recursive: true });
    writeFileSync(join(place, 'large/deep'), 'a file where the container has a directory');
    writeFileSync(join(place, 'large/zeros'), Buffer.alloc(48 << 20));
    const { code, stderr } = await run('cp', '--index', '1', 'large/.', 'web:/srv');
    expect(code).toBe(1);
    expect(stderr).toContain('cannot overwrite directory');
    const missingPlace = await run('cp', '--index', '1', 'large/zeros', 'web:/none/b');
    expect(missingPlace.stderr).toContain('Could not find the file /none in container');
  });

  test('export must write the whole root, and leave nothing when it cannot', async () => {
    await ok('export', '-o', 'root.tar', 'idle');
    const listed = execFileSync('tar', ['-tf', join(place, 'root.tar')]).toString();
    expect(listed).toContain('bin/busybox\n');
    const failed = await run('export', '-o', 'none/root.tar', 'idle');
    expect(failed.code).toBe(1);
    expect((await readdir(place)).filter((name) => name.includes('.tscompose-'))).toEqual([]);
  });

  test('commit must make an image and print its id', async () => {
    const id = await ok('commit', '-m', 'why', '-c', 'USER 9', '--index', '1', 'web', 'made:1');
    const image = await engine.client.images.inspect('made:1');
    expect(id.trim()).toBe(image.Id);
    expect([image.Comment, image.Config.User]).toEqual(['why', '9']);
    await engine.client.images.remove('made:1');
  });
});

async function* chunks(bytes: Buffer): AsyncGenerator<Uint8Array> {
  await Promise.resolve();
  yield bytes;
}
