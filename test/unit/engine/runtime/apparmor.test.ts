import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import {
  chooseAppArmor,
  defaultProfileText,
  parseProfiles,
} from '../../../../engine/runtime/apparmor.ts';
import { testPrograms } from '../../../lib/requires.ts';

const parser = join(testPrograms, 'apparmor_parser');

describe('a profile', () => {
  test.each([
    [null, false, 'tscompose-default', null],
    [null, true, null, null],
    ['', false, 'tscompose-default', null],
    ['docker-default', false, 'tscompose-default', null],
    ['docker-default', true, 'tscompose-default', null],
    ['unconfined', false, null, null],
    ['mine', false, 'mine', 'refused'],
    ['mine', true, 'mine', 'refused'],
  ])(
    '%s, privileged %s, must be %s with AppArmor and %s without',
    (appArmor, isPrivileged, ...expected) => {
      const choose = (hasAppArmor: boolean): string | null =>
        chooseAppArmor({ appArmor, isPrivileged }, { hasAppArmor });
      expect(choose(true)).toBe(expected[0]);
      if (expected[1] === null) expect(choose(false)).toBeNull();
      else
        expect(() => choose(false)).toThrow(
          'AppArmor profile "mine" cannot be applied: AppArmor is not active in this kernel',
        );
    },
  );

  test('that is loaded must be found by its name', () => {
    const text =
      '/usr/sbin/cupsd (enforce)\ntscompose-default (enforce)\nmy (own) one (complain)\n';
    expect([...parseProfiles(text)]).toEqual([
      '/usr/sbin/cupsd',
      'tscompose-default',
      'my (own) one',
    ]);
    expect(parseProfiles('').size).toBe(0);
  });
});

describe('the default profile', () => {
  test('must be this', () => {
    expect(defaultProfileText()).toBe(golden);
  });

  test.skipIf(!existsSync(parser))('must be understood by the parser', () => {
    const options = { input: defaultProfileText() };
    expect(execFileSync(parser, ['--skip-kernel-load', '--skip-cache'], options).length).toBe(0);
  });
});

const golden = `profile tscompose-default flags=(attach_disconnected,mediate_deleted) {
  network,
  capability,
  file,
  umount,

  # Whoever stops a container, and the container's programs among themselves.
  signal (receive) peer=unconfined,
  signal (send, receive) peer=tscompose-default,
  ptrace (trace, read, tracedby, readby) peer=tscompose-default,

  deny network alg,
  deny mount,

  deny /proc/* w,
  deny /proc/{acpi,asound,bus,driver,dynamic_debug,fs,irq,scsi,sysvipc,tty}/** wklx,
  deny /proc/sys/* w,
  deny /proc/sys/{abi,crypto,debug,dev,fs,net,sunrpc,user,vm}/** wklx,
  deny /proc/sys/kernel/{[^s]**,s,s[^h]**,sh,sh[^m]**} wklx,
  deny /proc/sysrq-trigger rwklx,
  deny /proc/kcore rwklx,

  deny /sys/* w,
  deny /sys/{block,bus,class,dev,devices,firmware,hypervisor,kernel,module,power}/** wklx,
  deny /sys/fs/[^c]** wklx,
  deny /sys/firmware/** rwklx,
  deny /sys/devices/virtual/powercap/** rwklx,
  deny /sys/kernel/security/** rwklx,
}
`;
