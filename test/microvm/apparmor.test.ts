/** Profiles of AppArmor, on a kernel that has it: this machine's, as Debian boots it. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { missingForMicrovm, useGuest } from './guest.ts';

const names = missingForMicrovm.join() || 'nothing';
const profiles = '/sys/kernel/security/apparmor/profiles';
const label = ['cat', '/proc/self/attr/current'] as const;

describe.skipIf(missingForMicrovm.length > 0)(`AppArmor (missing: ${names})`, () => {
  const guest = useGuest();
  const remove = (text: string): Promise<string> =>
    guest.ok(`printf '%s' '${text}' | apparmor_parser --remove`);
  const mine = 'profile mine { file, signal, deny /etc/hostname r, }';
  const deaf = 'profile deaf { file, }';

  beforeAll(() =>
    guest.ok(`printf '%s\\n' '${mine}' '${deaf}' | apparmor_parser --replace --skip-cache`),
  );
  afterAll(() => remove(`${mine} ${deaf}`));

  test('the default profile must be loaded by the first container, and be what its programs run under', async () => {
    await guest.script(`printf 'profile tscompose-default {}' | apparmor_parser --remove`);
    expect(await guest.ok(`cat ${profiles}`)).not.toContain('tscompose-default');
    expect(await guest.output([], ...label)).toBe('tscompose-default (enforce)');
    expect(await guest.ok(`cat ${profiles}`)).toContain('tscompose-default (enforce)');
    const info = await guest.get<{ readonly SecurityOptions: readonly string[] }>('/info');
    expect(info.SecurityOptions).toContain('name=apparmor');
  });

  test.each<readonly [string, readonly string[], string]>([
    ['apparmor=unconfined, none', ['--security-opt', 'apparmor=unconfined'], 'unconfined'],
    ['privileges, none', ['--privileged'], 'unconfined'],
    [
      'docker’s name of its default, ours',
      ['--security-opt', 'apparmor=docker-default'],
      'tscompose-default (enforce)',
    ],
    ['a profile of the machine’s, that', ['--security-opt', 'apparmor=mine'], 'mine (enforce)'],
    [
      'no new privileges, the default all the same',
      ['--security-opt', 'no-new-privileges'],
      'tscompose-default (enforce)',
    ],
  ])('a container must have with %s', async (_name, options, expected) => {
    expect(await guest.output(options, ...label)).toBe(expected);
  });

  test('a profile that is not loaded must be refused by its name', async () => {
    const { code, stderr } = await guest.attempt(['--security-opt', 'apparmor=absent'], 'true');
    expect([code, stderr]).toEqual([
      125,
      expect.stringContaining('AppArmor profile "absent" is not loaded'),
    ]);
  });

  test('the init and an exec must run under the container’s profile, which inspect names', async () => {
    const id = await guest.running('--security-opt', 'apparmor=mine');
    const shown = await guest.docker.ok(
      ...['exec', id, '/bin/busybox', 'cat', '/proc/1/attr/current', '/proc/self/attr/current'],
    );
    expect(shown).toBe('mine (enforce)\nmine (enforce)');
    expect(await guest.docker.ok('inspect', '-f', '{{.AppArmorProfile}}', id)).toBe('mine');
    await guest.docker.ok('rm', '-f', id);
  });

  test('a container whose profile lets no signal through must say so, and end all the same', async () => {
    const id = await guest.running('--security-opt', 'apparmor=deaf');
    const { code, stderr } = await guest.docker.run('kill', '-s', 'USR1', id);
    expect([code, stderr]).toEqual([
      1,
      expect.stringContaining('AppArmor profile "deaf" does not allow it'),
    ]);
    await guest.docker.ok('stop', '-t', '100', id);
    expect(await guest.docker.ok('inspect', '-f', '{{.State.ExitCode}}', id)).toBe('137');
    await guest.docker.ok('start', id);
    await guest.docker.ok('rm', '-f', id);
  });

  test.each<readonly [string, readonly string[], readonly string[], string]>([
    [
      'a mount, with the capability for it',
      ['--cap-add', 'SYS_ADMIN', '--security-opt', 'seccomp=unconfined'],
      ['mount', '-t', 'tmpfs', 'none', '/mnt'],
      'denied',
    ],
    [
      'the same without the profile, must be allowed',
      [
        ...['--cap-add', 'SYS_ADMIN', '--security-opt', 'seccomp=unconfined'],
        ...['--security-opt', 'apparmor=unconfined'],
      ],
      ['mount', '-t', 'tmpfs', 'none', '/mnt'],
      'done',
    ],
    [
      'writing a setting of the host that is not read-only',
      ['--cap-add', 'SYS_ADMIN', '-v', '/proc:/proc'],
      ['sh', '-c', 'echo 1 >/proc/sys/vm/drop_caches'],
      'denied',
    ],
    [
      'what a profile of one’s own denies',
      ['--security-opt', 'apparmor=mine'],
      ['cat', '/etc/hostname'],
      'denied',
    ],
  ])('the profile must decide about %s', async (_name, options, command, expected) => {
    const { code, stderr } = await guest.attempt(
      options,
      ...['sh', '-c', 'mkdir -p /mnt; "$@"', 'sh', 'busybox', ...command],
    );
    const isDenied = /permission denied|can't create/i.test(stderr);
    expect([isDenied ? 'denied' : 'done', code === 0 ? 'done' : 'denied', stderr]).toEqual([
      expected,
      expected,
      expect.anything(),
    ]);
  });
});
