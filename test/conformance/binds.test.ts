/** Bind mounts and what is mounted below them, asked for by the real `docker` command. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { absentForDocker, useDockerEngine } from '../lib/docker-engine.ts';
import { tempDir, type TempDir } from '../lib/temp-dir.ts';

const title = `binds (missing: ${absentForDocker.join() || 'nothing'})`;

describe.skipIf(absentForDocker.length > 0)(title, () => {
  const tools = useDockerEngine();
  const { output, attempt } = tools;
  let dir: TempDir;

  beforeAll(async () => {
    dir = await tempDir();
  });
  afterAll(async () => {
    await dir[Symbol.asyncDispose]();
  });

  function host(name: string): string {
    const path = join(dir.path, name);
    mkdirSync(path, { recursive: true });
    return path;
  }

  function run(file: string, ...args: readonly string[]): void {
    execFileSync(file, args);
  }

  /** With a tmpfs at `DIRECTORY/below` on the host, for as long as `use` runs. */
  async function withMountBelow(path: string, use: () => Promise<void>): Promise<void> {
    mkdirSync(join(path, 'below'), { recursive: true });
    run('mount', '-t', 'tmpfs', 'tmpfs', join(path, 'below'));
    try {
      await use();
    } finally {
      run('umount', '-l', join(path, 'below'));
    }
  }

  describe('a read-only bind', () => {
    const script = 'touch /b/top; touch /b/below/file; echo done';
    test.each([
      ['', 'both'],
      [',bind-recursive=enabled', 'both'],
      [',bind-recursive=readonly,bind-propagation=rprivate', 'both'],
      [',bind-recursive=writable', 'top'],
      [',bind-recursive=disabled', 'both'],
    ])('with "%s" must be read-only for %s', async (options, scope) => {
      const source = host('readonly');
      await withMountBelow(source, async () => {
        const bind = `type=bind,source=${source},target=/b,readonly${options}`;
        const { stderr } = await attempt(['--mount', bind], 'sh', '-c', script);
        const refused = [...stderr.matchAll(/\/b\/(top|below\/file)/g)].map(([, path]) => path);
        expect(refused).toEqual(scope === 'both' ? ['top', 'below/file'] : ['top']);
      });
    });

    test('alone must leave out what is mounted below', async () => {
      const source = host('alone');
      await withMountBelow(source, async () => {
        writeFileSync(join(source, 'below/file'), '');
        const bind = `type=bind,source=${source},target=/b`;
        expect(await output(['--mount', bind], 'ls', '/b/below')).toBe('file');
        const alone = `${bind},bind-recursive=disabled`;
        expect(await output(['--mount', alone], 'ls', '/b/below')).toBe('');
      });
    });
  });

  describe('propagation', () => {
    /** What the container sees of the host's later mount, and the host of the container's. */
    async function passes(source: string, propagation: string): Promise<readonly boolean[]> {
      const bind = ['-v', `${source}:/p:${propagation}`, '--cap-add', 'SYS_ADMIN'];
      const id = await tools.docker.ok('run', '-d', ...bind, 'app', 'sleep', '1000');
      mkdirSync(join(source, 'host'), { recursive: true });
      mkdirSync(join(source, 'inner'), { recursive: true });
      run('mount', '-t', 'tmpfs', 'tmpfs', join(source, 'host'));
      try {
        const busybox = ['exec', '--privileged', id, '/bin/busybox'];
        await tools.docker.ok(...busybox, 'mount', '-t', 'tmpfs', 'tmpfs', '/p/inner');
        const inside = await tools.docker.ok(...busybox, 'cat', '/proc/self/mountinfo');
        const outside = execFileSync('cat', ['/proc/self/mountinfo'], { encoding: 'utf8' });
        return [inside.includes(' /p/host '), outside.includes(` ${source}/inner `)];
      } finally {
        run('umount', '-l', join(source, 'host'));
        await tools.docker.ok('rm', '-f', id);
      }
    }

    test.each([
      ['shared', 'rshared', [true, true]],
      ['shared', 'shared', [true, true]],
      ['shared', 'rslave', [true, false]],
      ['shared', 'slave', [true, false]],
      ['shared', 'rprivate', [false, false]],
      ['shared', 'private', [false, false]],
      ['private', 'rprivate', [false, false]],
    ])('of a %s mount as %s must pass %j', async (kind, propagation, expected) => {
      const source = host(`propagation-${kind}-${propagation}`);
      run('mount', '-t', 'tmpfs', 'tmpfs', source);
      run('mount', `--make-${kind}`, source);
      try {
        expect(await passes(source, propagation)).toEqual(expected);
      } finally {
        run('umount', '-R', '-l', source);
      }
    });

    test.each([
      ['rshared', 'but it is not a shared mount'],
      ['rslave', 'but it is not a shared or slave mount'],
    ])('of a private mount as %s must be refused', async (propagation, reason) => {
      const source = host('propagation-refused');
      run('mount', '-t', 'tmpfs', 'tmpfs', source);
      run('mount', '--make-private', source);
      try {
        const { stderr } = await attempt(['-v', `${source}:/p:${propagation}`], 'true');
        expect(stderr).toContain(`path ${source} is mounted on ${source} ${reason}`);
      } finally {
        run('umount', '-l', source);
      }
    });
  });

  describe('the source of a bind', () => {
    test('must be made for -v, and be missed for --mount', async () => {
      const source = join(dir.path, 'not/there');
      const { stderr } = await attempt(['--mount', `type=bind,source=${source},target=/b`], 'true');
      expect(stderr).toContain(
        `invalid mount config for type "bind": bind source path does not exist: ${source}`,
      );
      expect(await output(['-v', `${source}:/b`], 'stat', '-c', '%F %u', '/b')).toBe('directory 0');
      expect(statSync(source).isDirectory()).toBe(true);
    });

    test('may be a link, which is followed on the host', async () => {
      writeFileSync(join(host('linked'), 'file'), 'x');
      symlinkSync('linked', join(dir.path, 'to-linked'));
      expect(await output(['-v', `${join(dir.path, 'to-linked')}:/b`], 'ls', '/b')).toBe('file');
    });
  });
});
