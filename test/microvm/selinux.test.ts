/**
 * Labels of SELinux, on a kernel that has it and enforces a policy (guest/policy.conf) which knows containers of two
 * types. A machine of its own: a kernel runs either this module or AppArmor.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';

import { Taken } from '../lib/taken.ts';
import { tempPrefix } from '../lib/temp-dir.ts';
import {
  expectNothingLeft,
  guestAt,
  missingForMicrovm,
  prepareGuest,
  type Guest,
} from './guest.ts';
import { makeImage } from './image.ts';
import { bootMachine } from './machine.ts';

const names = missingForMicrovm.join() || 'nothing';
const own = 'system_u:system_r:kernel_t:s0-s0:c0.c1023';
/** The kernel ends a label with a NUL. */
const label = ['sh', '-c', "tr -d '\\0' </proc/self/attr/current"] as const;
const levels = /^system_u:(?:system_r|object_r):(\w+):(s0:c\d+,c\d+)$/;

/** Rewrites a record as an earlier engine would have: the checksum is of engine/store/record-file.ts. */
const withoutLabels = `const fs = require("fs"), path = "/var/lib/tscompose/records/containers/" + process.argv[1] + ".json";
const record = JSON.parse(fs.readFileSync(path)), { schema, key, boot, body } = record;
delete body.labels;
record.checksum = require("crypto").createHash("sha256").update(JSON.stringify([schema, key, boot]))
  .update(JSON.stringify(body)).digest("hex").slice(0, 32);
fs.writeFileSync(path, JSON.stringify(record));`;

interface Shown {
  readonly process: string;
  readonly mount: string;
}

describe.skipIf(missingForMicrovm.length > 0)(`SELinux (missing: ${names})`, () => {
  let guest: Guest;
  let isPrepared = false;
  const taken = new Taken();

  beforeAll(async () => {
    const directory = mkdtempSync(join(tmpdir(), tempPrefix));
    taken.defer(() => {
      rmSync(directory, { recursive: true });
    });
    const image = inject('microvmImage') ?? makeImage(directory);
    const machine = taken.use(await bootMachine(image, 'security=selinux'));
    guest = guestAt(machine.ports);
    expect(await guest.ok('cat /sys/fs/selinux/enforce')).toBe('1');
    await prepareGuest(machine.ports);
    isPrepared = true;
  }, 180_000);
  afterAll(async () => {
    await using _taken = taken;
    // What failed before is the cause, and is told.
    if (isPrepared) await expectNothingLeft(guest);
  });

  const shown = async (id: string): Promise<Shown> => {
    const text = await guest.docker.ok('inspect', '-f', '{{.ProcessLabel}} {{.MountLabel}}', id);
    const [process = '', mount = ''] = text.split(' ');
    return { process, mount };
  };
  const denied = async (
    options: readonly string[],
    ...command: readonly string[]
  ): Promise<void> => {
    const { code, stderr } = await guest.attempt(options, ...command);
    expect([code, stderr]).toEqual([1, expect.stringContaining('Permission denied')]);
  };

  test('programs and files of a container must have a level of its own, an exec as well', async () => {
    const [first, second] = [await guest.running(), await guest.running()];
    const labels = await shown(first);
    const [, type, level = ''] = levels.exec(labels.process) ?? [];
    expect([type, levels.exec(labels.mount)?.slice(1)]).toEqual([
      'container_t',
      ['container_file_t', level],
    ]);
    expect(levels.exec((await shown(second)).process)?.[2]).not.toBe(level);
    const exec = ['exec', first, '/bin/busybox'] as const;
    expect(await guest.docker.ok(...exec, ...label)).toBe(labels.process);
    const mounts = await guest.docker.ok(...exec, 'cat', '/proc/mounts');
    for (const target of ['/', '/dev', '/dev/pts', '/dev/shm', '/proc/kcore'])
      expect(mounts).toMatch(new RegExp(`^\\S+ ${target} .*context="${labels.mount}"`, 'm'));
    await guest.docker.ok('rm', '-f', first, second);
  });

  test.each<readonly [string, readonly string[], string]>([
    ['label=disable, the engine’s', ['--security-opt', 'label=disable'], own],
    ['privileges, the engine’s', ['--privileged'], own],
    [
      'type and level, those',
      ['--security-opt', 'label=type:other_t', '--security-opt', 'label=level:s0:c5,c6'],
      'system_u:system_r:other_t:s0:c5,c6',
    ],
  ])('programs must have with %s', async (_name, options, expected) => {
    expect(await guest.output(options, ...label)).toBe(expected);
  });

  test('programs that may gain nothing must have a label all the same', async () => {
    const options = ['--security-opt', 'no-new-privileges', '--user', '1000'];
    expect(await guest.output(options, ...label)).toMatch(levels);
  });

  test.each([
    ['label=kind:x', 'bad label option "kind:x"'],
    ['label=type:absent_t', 'is not one that the policy of this machine knows'],
  ])('%s must be refused', async (option, message) => {
    const { code, stderr } = await guest.attempt(['--security-opt', option], 'true');
    expect([code, stderr]).toEqual([125, expect.stringContaining(message)]);
  });

  test('who shares processes must have the label of whose they are', async () => {
    const id = await guest.running();
    expect(await guest.output(['--pid', `container:${id}`], ...label)).toBe(
      (await shown(id)).process,
    );
    await guest.docker.ok('rm', '-f', id);
  });

  test('a path of the host must be closed without z, open to all containers with it, and to one with Z', async () => {
    const read = ['cat', '/data/deep/file'] as const;
    await guest.ok('mkdir -p /srv/data/deep && echo content >/srv/data/deep/file');
    await denied(['-v', '/srv/data:/data'], ...read);
    expect(await guest.output(['-v', '/srv/data:/data:z'], ...read)).toBe('content');
    expect(await guest.output(['-v', '/srv/data:/data'], ...read)).toBe('content');
    const id = await guest.running('-v', '/srv/data:/data:Z');
    expect(await guest.docker.ok('exec', id, '/bin/busybox', ...read)).toBe('content');
    await denied(['-v', '/srv/data:/data'], ...read);
    expect(await guest.output(['-v', '/srv/data:/data:z'], ...read)).toBe('content');
    await guest.docker.ok('rm', '-f', id);
  });

  test('what a link in a path of the host names must keep its label', async () => {
    await guest.ok('mkdir -p /srv/links && ln -sf /etc/passwd /srv/links/passwd');
    await guest.output(['-v', '/srv/links:/data:z'], 'true');
    await denied(['-v', '/etc/passwd:/passwd'], 'cat', '/passwd');
  });

  test('directories of the system must not be labelled, by whatever path', async () => {
    await guest.ok('ln -sfn /etc /srv/system');
    for (const path of ['/etc', '/srv/system']) {
      const { code, stderr } = await guest.attempt(['-v', `${path}:/data:z`], 'true');
      expect([code, stderr]).toEqual([
        125,
        expect.stringContaining('SELinux relabeling of /etc is not allowed'),
      ]);
    }
  });

  test('what a volume mounts must keep its label, and be refused with z where it is the system’s', async () => {
    const bind = ['--opt', 'type=none', '--opt', 'o=bind', '--opt'] as const;
    await guest.ok('mkdir -p /srv/own && echo content >/srv/own/file');
    await guest.docker.ok('volume', 'create', ...bind, 'device=/etc', 'etc');
    await guest.docker.ok('volume', 'create', ...bind, 'device=/srv/own', 'own');
    await denied(['-v', 'etc:/data'], 'cat', '/data/passwd');
    const { code, stderr } = await guest.attempt(['-v', 'etc:/data:z'], 'true');
    expect([code, stderr]).toEqual([
      125,
      expect.stringContaining('SELinux relabeling of /etc is not allowed'),
    ]);
    await denied(['-v', 'etc:/data'], 'cat', '/data/passwd');
    await denied(['-v', 'own:/data'], 'cat', '/data/file');
    expect(await guest.output(['-v', 'own:/data:z'], 'cat', '/data/file')).toBe('content');
    await guest.docker.ok('volume', 'rm', 'etc', 'own');
  });

  test('a volume that cannot be labelled must keep no container down', async () => {
    await guest.docker.ok('volume', 'create', 'fixed');
    const path = await guest.docker.ok('volume', 'inspect', '-f', '{{.Mountpoint}}', 'fixed');
    await guest.ok(`mount -t tmpfs tmpfs ${path} && mount -o remount,ro ${path}`);
    expect(await guest.output(['-v', 'fixed:/data'], 'echo', 'runs')).toBe('runs');
    await guest.ok(`umount ${path}`);
    await guest.docker.ok('volume', 'rm', 'fixed');
  });

  test('what was moved below a path with z must be open at the next start', async () => {
    await guest.ok('mkdir -p /srv/moved && echo content >/srv/late');
    await guest.output(['-v', '/srv/moved:/data:z'], 'true');
    await guest.ok('mv /srv/late /srv/moved/late');
    expect(await guest.output(['-v', '/srv/moved:/data:z'], 'cat', '/data/late')).toBe('content');
  });

  test('what one container writes into a volume must be open to another, and a copy into a container to it', async () => {
    await guest.output(['-v', 'shared:/data'], 'sh', '-c', 'echo content >/data/file');
    expect(await guest.output(['-v', 'shared:/data'], 'cat', '/data/file')).toBe('content');
    await guest.docker.ok('volume', 'rm', 'shared');
    const id = await guest.docker.ok('create', 'app', 'cat', '/passwd');
    await guest.docker.ok('cp', '/etc/hostname', `${id}:/passwd`);
    expect(await guest.docker.ok('start', '-a', id)).not.toBe('');
    await guest.docker.ok('rm', id);
  });

  test('a container that an engine without labels made must have them from its next start', async () => {
    const id = await guest.docker.ok('create', '--init', 'app', 'sleep', '1000');
    await guest.killEngine();
    await guest.ok(`/usr/bin/node -e '${withoutLabels}' ${id}`);
    await guest.startEngine();
    expect(await shown(id)).toEqual({ process: '', mount: '' });
    await guest.docker.ok('start', id);
    const labels = await shown(id);
    expect(labels.process).toMatch(levels);
    expect(await guest.docker.ok('exec', id, '/bin/busybox', ...label)).toBe(labels.process);
    await guest.docker.ok('restart', '-t', '0', id);
    expect(await shown(id)).toEqual(labels);
    await guest.docker.ok('rm', '-f', id);
  });

  test('an engine that was killed must go on with the labels of its containers', async () => {
    const id = await guest.running();
    const { process } = await shown(id);
    await guest.killEngine();
    await guest.startEngine();
    expect(await guest.docker.ok('exec', id, '/bin/busybox', ...label)).toBe(process);
    await guest.docker.ok('restart', '-t', '0', id);
    expect(await guest.docker.ok('exec', id, '/bin/busybox', ...label)).toBe(process);
    const info = await guest.get<{ readonly SecurityOptions: readonly string[] }>('/info');
    expect(info.SecurityOptions).toContain('name=selinux');
    await guest.docker.ok('rm', '-f', id);
  });
});
