import { describe, expect, test } from 'vitest';
import {
  capabilitiesOf,
  capabilityBit,
  capabilityNames,
  capabilitySet,
  chooseCapabilities,
  defaultCapabilities,
  processCapabilities,
} from '../../../../engine/runtime/capabilities.ts';

const every = capabilitySet(capabilityNames);
const standard =
  'CHOWN DAC_OVERRIDE FOWNER FSETID KILL SETGID SETUID SETPCAP NET_BIND_SERVICE NET_RAW SYS_CHROOT MKNOD AUDIT_WRITE SETFCAP';

function choose(options: Partial<Parameters<typeof chooseCapabilities>[0]>): string {
  const set = chooseCapabilities({
    isPrivileged: false,
    add: [],
    drop: [],
    available: every,
    ...options,
  });
  return capabilitiesOf(set).join(' ');
}

describe('chooseCapabilities', () => {
  test.each([
    ['nothing asked', {}, standard],
    ['one added', { add: ['NET_ADMIN'] }, standard.replace('NET_RAW', 'NET_ADMIN NET_RAW')],
    [
      'one with its prefix in lower case',
      { add: ['cap_net_admin'] },
      standard.replace('NET_RAW', 'NET_ADMIN NET_RAW'),
    ],
    ['one dropped', { drop: ['CAP_NET_RAW'] }, standard.replace('NET_RAW ', '')],
    ['one both added and dropped', { add: ['NET_RAW'], drop: ['NET_RAW'] }, standard],
    ['all dropped', { drop: ['ALL'] }, ''],
    ['all dropped, one added', { drop: ['all'], add: ['CHOWN'] }, 'CHOWN'],
    ['all added', { add: ['ALL'] }, capabilityNames.join(' ')],
    ['all added, most dropped', { add: ['ALL'], drop: capabilityNames.slice(1) }, 'CHOWN'],
    ['privileged', { isPrivileged: true, drop: ['ALL'] }, capabilityNames.join(' ')],
    [
      'privileged, the engine holds two',
      { isPrivileged: true, available: 3n },
      'CHOWN DAC_OVERRIDE',
    ],
    ['one added that the engine lacks', { add: ['BPF'], drop: ['ALL'], available: 3n }, ''],
  ])('%s', (_, options, expected) => {
    expect(choose(options)).toBe(expected);
  });

  test.each(['', 'CAP_', 'NET', 'CAP_CAP_CHOWN', 'CHOWN '])('%j must be refused', (name) => {
    expect(() => choose({ add: [name] })).toThrow(`invalid capability: ${JSON.stringify(name)}`);
    expect(() => choose({ isPrivileged: true, drop: [name] })).toThrow('invalid capability');
  });
});

describe('processCapabilities', () => {
  const set = capabilitySet(defaultCapabilities);

  test('root must hold its set, and pass none on', () => {
    expect(processCapabilities(set, 0)).toEqual({
      bounding: set,
      effective: set,
      permitted: set,
      inheritable: 0n,
      ambient: 0n,
    });
  });

  test('another user must hold nothing but the bound', () => {
    expect(processCapabilities(set, 1000)).toEqual({
      bounding: set,
      effective: 0n,
      permitted: 0n,
      inheritable: 0n,
      ambient: 0n,
    });
  });
});

test('numbers must be those of linux/capability.h', () => {
  expect([
    capabilityBit('CHOWN'),
    capabilityBit('SYS_ADMIN'),
    capabilityBit('CHECKPOINT_RESTORE'),
  ]).toEqual([1n, 1n << 21n, 1n << 40n]);
  // Docker's default set as /proc/1/status shows it.
  expect(capabilitySet(defaultCapabilities)).toBe(0xa80425fbn);
});
