/**
 * Who a program runs as, and with which powers: an image must not choose. C-11, CVE-2022-29162, CVE-2022-24769:
 * inheritable capabilities. C-13, CVE-2026-30892: the user of an exec. C-14, CVE-2016-3697, CVE-2024-40635: numbers that
 * are names. C-15, CVE-2022-36109, CVE-2023-25173: groups. C-16, CVE-2026-47262, CVE-2024-9676: files without end.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { absentForDocker, useDockerEngine } from '../lib/docker-engine.ts';
import { tempDir, type TempDir } from '../lib/temp-dir.ts';
import { createQuick, execOnce, runOnce, shell } from './containers.ts';
import { makeImage } from './image.ts';
import { enginePid } from './traced.ts';

const title = `users (missing: ${absentForDocker.join() || 'nothing'})`;

describe.skipIf(absentForDocker.length > 0)(title, () => {
  const tools = useDockerEngine();
  let dir: TempDir;
  /** An image whose users have numbers for names, and are root all. */
  let named = '';

  beforeAll(async () => {
    dir = await tempDir();
    named = await image((root) => {
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
  afterAll(async () => {
    await dir[Symbol.asyncDispose]();
  });

  const image = (fill: (root: string) => void): Promise<string> =>
    makeImage(tools.docker, dir.path, fill);

  async function running(Image: string): Promise<string> {
    const id = await createQuick(tools.engine.client, { Image, Cmd: shell('sleep 1000') });
    await tools.engine.client.containers.start(id);
    return id;
  }

  describe('C-11, CVE-2022-29162 CVE-2022-24769: no capability must be inheritable', () => {
    const script = "awk '/^CapInh|^CapAmb/{print $2}' /proc/1/status /proc/self/status | sort -u";

    test.each([
      ['by default', {}],
      ['with one more', { HostConfig: { CapAdd: ['SYS_PTRACE'] } }],
      ['of another user', { User: '1000' }],
      ['of a privileged container', { HostConfig: { Privileged: true } }],
    ])('%s', async (_, request) => {
      const seen = await runOnce(tools.engine.client, { Cmd: shell(script), ...request });
      expect(seen.output).toBe('0000000000000000\n');
    });

    test.each([
      ['of an exec', {}],
      ['of a privileged exec', { Privileged: true }],
      ['of another user’s exec', { User: '1000' }],
    ])('%s', async (_, options) => {
      const id = await running('app');
      const seen = await execOnce(tools.engine.client, id, { Cmd: shell(script), ...options });
      expect(seen.output).toBe('0000000000000000\n');
    });
  });

  describe('C-13, CVE-2026-30892: an exec must run as who was asked for', () => {
    test.each([
      ['1', '1 0'],
      ['0', '0 0'],
      ['1000', '1000 1000'],
      ['1000:1000', '1000 1000'],
      ['1:1000', '1 1000'],
      ['1:', '1 0'],
      [':1', '0 1'],
      ['ada', '1000 1000'],
      ['ada:staff', '1000 50'],
    ])('%s must be user and group %s', async (User, ids) => {
      const id = await running(named);
      const Cmd = shell('echo $(id -u) $(id -g)');
      const exec = await execOnce(tools.engine.client, id, { Cmd, User });
      expect(exec).toEqual({ code: 0, output: `${ids}\n` });
      // The same as for a container.
      expect(await runOnce(tools.engine.client, { Image: named, Cmd, User })).toEqual(exec);
    });

    test.each(['-1', '4294967295', '4294967296', '0x1', '1:1:1', ' 1', '1 ', ':'])(
      '%j must be refused',
      async (User) => {
        const id = await running(named);
        const seen = await execOnce(tools.engine.client, id, { Cmd: shell('id -u'), User });
        // At its creation, as dockerd does.
        expect(seen).toEqual({ code: null, output: expect.stringMatching(/user|range/) as string });
      },
    );
  });

  describe('C-14, CVE-2016-3697 CVE-2024-40635 CVE-2026-46680: numbers must be no names', () => {
    test.each([
      ['1', '1'],
      ['1000', '1000'],
      ['01000', '1000'],
      ['1000:1000', '1000'],
    ])('%s must be the user %s', async (User, uid) => {
      const seen = await runOnce(tools.engine.client, { Image: named, Cmd: shell('id -u'), User });
      expect(seen).toEqual({ code: 0, output: `${uid}\n` });
    });

    test.each([
      '2147483648',
      '4294967295',
      '4294967296',
      '18446744073709551616',
      '-1',
      '+1',
      'wide',
      'minus',
      'nobody',
      '0x0',
      '1000:4294967296',
      '1000:-1',
      ' 0',
      '0 ',
    ])('%j must be refused', async (User) => {
      const seen = await runOnce(tools.engine.client, { Image: named, Cmd: shell('id -u'), User });
      expect(seen).toEqual({ code: null, output: expect.stringMatching(/user|range/) as string });
    });
  });

  describe('C-15, CVE-2022-36109 CVE-2023-25173: the groups must be those of the user', () => {
    test.each([
      ['1000:1000', [], '1000'],
      ['1000:1000', ['44'], '44 1000'],
      // The kernel sorts them.
      ['ada', [], '0 50 1000'],
      ['ada:staff', [], '50'],
      ['1', ['staff'], '0 50'],
    ])('of %s, with %j added', async (User, GroupAdd, groups) => {
      // id(1) would name the primary group anyway.
      const Cmd = shell("sed -n 's/^Groups:[[:space:]]*//p' /proc/self/status | sed 's/ *$//'");
      const request = { Image: named, Cmd, User, HostConfig: { GroupAdd } };
      expect(await runOnce(tools.engine.client, request)).toEqual({
        code: 0,
        output: `${groups}\n`,
      });
    });

    test('so that a file that denies its group stays closed', async () => {
      const script = 'echo secret >/file; chown 0:1000 /file; chmod 604 /file';
      const id = await running(named);
      await execOnce(tools.engine.client, id, { Cmd: shell(script) });
      const seen = await execOnce(tools.engine.client, id, {
        Cmd: shell('cat /file'),
        User: '1000:1000',
      });
      expect(seen).toEqual({
        code: 1,
        output: expect.stringContaining('Permission denied') as string,
      });
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
      const engine = enginePid(tools.engine);
      // proc_pid_clear_refs(5): the peak begins anew.
      writeFileSync(`/proc/${engine}/clear_refs`, '5');
      const peak = (): number =>
        Number(/^VmHWM:\s*(\d+) kB$/m.exec(readFileSync(`/proc/${engine}/status`, 'utf8'))?.[1]);
      const peakBefore = peak();
      const before = Date.now();
      const asked = { Image: name, Cmd: shell('id -u'), User: 'daemon' };
      // "daemon" is the host's, and in none of these.
      expect(await runOnce(tools.engine.client, asked)).toMatchObject({ code: null });
      expect(Date.now() - before).toBeLessThan(5_000);
      expect((peak() - peakBefore) / 1024).toBeLessThan(64);
      const root = await runOnce(tools.engine.client, { Image: name, Cmd: shell('echo runs') });
      expect(['runs\n', null]).toContain(root.code === null ? null : root.output);
    });
  });
});
