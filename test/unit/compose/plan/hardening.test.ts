import { describe, expect, test } from 'vitest';
import type { HostConfig } from '../../../../engine/api/index.ts';
import { serviceHash } from '../../../../compose/plan/config-hash.ts';
import { containerCreate } from '../../../../compose/plan/container-create.ts';
import type { Project } from '../../../../compose/index.ts';
import { errorText, loadText } from '../lib/host.ts';

const strict = 'x-tscompose: { security: strict }';

function load(lines: readonly string[], top = ''): Project {
  const own = lines.map((line) => `    ${line}\n`).join('');
  return loadText(`${top}\nservices:\n  a:\n    image: nginx\n${own}`).project;
}

function hostOf(project: Project): HostConfig {
  const service = project.services['a'];
  if (service === undefined) throw new TypeError('there is no service a');
  const identity = { project, serviceName: 'a', service, imageId: 'x', number: 1, name: 'a-1' };
  return containerCreate(identity).HostConfig ?? {};
}

function hashOf(project: Project): string {
  const service = project.services['a'];
  if (service === undefined) throw new TypeError('there is no service a');
  return serviceHash(service, project);
}

const dropped = ['AUDIT_WRITE', 'MKNOD', 'NET_RAW'];
const all = {
  CapDrop: dropped,
  SecurityOpt: ['no-new-privileges=true'],
  PidsLimit: 4096,
};

describe('security: strict', () => {
  test.each<[string, readonly string[], string, Readonly<Record<string, unknown>>]>([
    ['of a service', [strict], '', all],
    ['of the file', [], strict, all],
    ['of the file, and not of the service', ['x-tscompose: { security: docker }'], strict, {}],
    ['nowhere', [], '', {}],
    [
      'with a capability added',
      [strict, 'cap_add: [cap_net_raw]'],
      '',
      {
        ...all,
        CapAdd: ['cap_net_raw'],
        CapDrop: ['AUDIT_WRITE', 'MKNOD'],
      },
    ],
    [
      'with all added',
      [strict, 'cap_add: [ALL]'],
      '',
      { ...all, CapAdd: ['ALL'], CapDrop: undefined },
    ],
    ['with all dropped', [strict, 'cap_drop: [ALL]'], '', { ...all, CapDrop: ['ALL'] }],
    [
      'with some dropped',
      [strict, 'cap_drop: [CHOWN, MKNOD]'],
      '',
      {
        ...all,
        CapDrop: ['CHOWN', 'MKNOD', 'AUDIT_WRITE', 'NET_RAW'],
      },
    ],
    [
      'with other options',
      [strict, 'security_opt: [seccomp=unconfined]'],
      '',
      {
        ...all,
        SecurityOpt: ['seccomp=unconfined', 'no-new-privileges=true'],
      },
    ],
    [
      'with privileges on purpose',
      [strict, 'security_opt: ["no-new-privileges:false"]'],
      '',
      {
        ...all,
        SecurityOpt: ['no-new-privileges:false'],
      },
    ],
    ['with a number of processes', [strict, 'pids_limit: 10'], '', { ...all, PidsLimit: 10 }],
    [
      'with another number',
      [strict, 'deploy: { resources: { limits: { pids: 11 } } }'],
      '',
      {
        ...all,
        PidsLimit: 11,
      },
    ],
  ])('%s', (_, lines, top, expected) => {
    const { CapAdd, CapDrop, SecurityOpt, PidsLimit } = hostOf(load(lines, top));
    expect({ CapAdd, CapDrop, SecurityOpt, PidsLimit }).toEqual({
      ...{ CapAdd: undefined, CapDrop: undefined, SecurityOpt: undefined, PidsLimit: undefined },
      ...expected,
    });
  });

  test.each([
    [[strict, 'privileged: true'], 'service "a" is privileged, which `security: strict` rules out'],
    [['x-tscompose: { security: paranoid }'], '"paranoid" is no security'],
    [['x-tscompose: { core-sched: perhaps }'], '"perhaps" is no core-sched'],
  ])('%s must be refused', (lines, message) => {
    expect(errorText(() => hostOf(load(lines)))).toContain(message);
  });

  test('must change the hash of a service, and nothing said must not', () => {
    const hashes = [[], [strict], ['x-tscompose: { core-sched: true }']].map((lines) =>
      hashOf(load(lines)),
    );
    expect(new Set(hashes).size).toBe(3);
    expect(hashOf(load(['x-tscompose: { other: true }']))).toBe(hashes[0]);
  });
});

describe('core-sched', () => {
  test.each<[string, readonly string[], string, unknown]>([
    ['of a service', ['x-tscompose: { core-sched: true }'], '', { 'tscompose.core-sched': 'true' }],
    ['of the file', [], 'x-tscompose: { core-sched: true }', { 'tscompose.core-sched': 'true' }],
    [
      'not of a service',
      ['x-tscompose: { core-sched: false }'],
      'x-tscompose: { core-sched: true }',
      undefined,
    ],
  ])('%s', (_, lines, top, expected) => {
    expect(hostOf(load(lines, top)).Annotations).toEqual(expected);
  });
});
