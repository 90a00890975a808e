/** Users and groups of an image, which must not choose who a program runs as (reliability-security.md §3.1). */
import { execFileSync } from 'node:child_process';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { absentForDocker, useDockerEngine } from '../lib/docker-engine.ts';
import { tempDir, type TempDir } from '../lib/temp-dir.ts';
import { makeImage } from './image.ts';

const title = `users (missing: ${absentForDocker.join() || 'nothing'})`;

describe.skipIf(absentForDocker.length > 0)(title, () => {
  const tools = useDockerEngine();
  let dir: TempDir;

  beforeAll(async () => {
    dir = await tempDir();
  });
  afterAll(async () => {
    await dir[Symbol.asyncDispose]();
  });

  async function image(fill: (root: string) => void): Promise<string> {
    return await makeImage(tools.docker, dir.path, fill);
  }

  describe('C-13, C-14, CVE-2026-30892 CVE-2016-3697 CVE-2024-40635: numbers are no names', () => {
    let name = '';

    beforeAll(async () => {
      name = await image((root) => {
        mkdirSync(join(root, 'etc'));
        const names = ['1', '1000', '01000', '2147483648', '4294967295', '4294967296', '-1', '+1'];
        const lines = names.map((user) => `${user}:x:0:0::/:/bin/sh\n`).join('');
        writeFileSync(
          join(root, 'etc/passwd'),
          `${lines}wide:x:4294967296:4294967296::/:/bin/sh\nminus:x:-1:-1::/:/bin/sh\nada:x:1000:1000::/home/ada:/bin/sh\n`,
        );
        writeFileSync(join(root, 'etc/group'), '1000:x:0:\nwheel:x:0:ada\nstaff:x:50:ada\n');
      });
    });

    const script = 'id -u; id -g; id -G';

    test.each([
      ['1', '1'],
      ['1000', '1000'],
      ['1000:1000', '1000'],
      ['1:1000', '1'],
      ['ada', '1000'],
      ['ada:staff', '1000'],
    ])('%s must be the user %s, for run and exec', async (user, uid) => {
      expect(
        (await tools.docker.ok('run', '--rm', '-u', user, name, 'sh', '-c', script)).split('\n')[0],
      ).toBe(uid);
      const id = await tools.docker.ok('run', '-d', name, 'sleep', '1000');
      const seen = await tools.docker.ok(
        'exec',
        '-u',
        user,
        id,
        '/bin/busybox',
        'sh',
        '-c',
        script,
      );
      expect(seen.split('\n')[0]).toBe(uid);
    });

    test.each([
      '2147483648',
      '4294967295',
      '4294967296',
      '18446744073709551616',
      '-1',
      'wide',
      'minus',
      'nobody',
      '0x0',
      '1000:4294967296',
      '1000:-1',
      ' 0',
      '0 ',
    ])('"%s" must be refused', async (user) => {
      const { code, stdout } = await tools.docker.run('run', '--rm', '-u', user, name, 'id', '-u');
      expect([code, stdout]).toEqual([125, '']);
    });

    test('C-15, CVE-2022-36109: the groups must be those of the user, its own among them', async () => {
      const groups = async (...options: readonly string[]): Promise<string> =>
        await tools.docker.ok('run', '--rm', ...options, name, 'id', '-G');
      expect(await groups('-u', '1000:1000')).toBe('1000');
      expect(await groups('-u', '1000:1000', '--group-add', '44')).toBe('1000 44');
      expect((await groups('-u', 'ada')).split(' ').sort()).toEqual(['0', '1000', '50'].sort());
    });
  });

  describe('C-16, CVE-2026-47262 CVE-2024-9676: user files must be read within bounds', () => {
    test.each([
      [
        'a gigabyte that is not there',
        (etc: string) => {
          writeFileSync(join(etc, 'group'), '');
          execFileSync('truncate', ['-s', '1G', join(etc, 'group')]);
        },
      ],
      [
        'a line of 20 MB',
        (etc: string) => {
          writeFileSync(join(etc, 'group'), `a:x:1:${'b,'.repeat(10 << 20)}\n`);
        },
      ],
      [
        'a pipe',
        (etc: string) => {
          execFileSync('mkfifo', [join(etc, 'passwd')]);
        },
      ],
      [
        'a link to a device',
        (etc: string) => {
          symlinkSync('/dev/zero', join(etc, 'passwd'));
        },
      ],
      [
        'a link to the host',
        (etc: string) => {
          symlinkSync('../../../../../../../etc/passwd', join(etc, 'passwd'));
        },
      ],
    ])('%s', async (_name, fill) => {
      const name = await image((root) => {
        mkdirSync(join(root, 'etc'));
        fill(join(root, 'etc'));
      });
      const before = Date.now();
      const { stdout } = await tools.docker.run('run', '--rm', '-u', 'daemon', name, 'id', '-u');
      expect(stdout).toBe('');
      expect(Date.now() - before).toBeLessThan(10_000);
      const root = await tools.docker.run('run', '--rm', name, 'echo', 'runs');
      expect(['runs\n', '']).toContain(root.stdout);
    });
  });
});
