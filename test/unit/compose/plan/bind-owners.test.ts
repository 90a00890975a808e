import { describe, expect, test } from 'vitest';
import type { Caller, Project } from '../../../../compose/index.ts';
import { serviceHash } from '../../../../compose/plan/config-hash.ts';
import { containerCreate } from '../../../../compose/plan/container-create.ts';
import { mountWarnings } from '../../../../compose/plan/mount-warnings.ts';
import { errorText, loadText } from '../lib/host.ts';

const sudo: Caller = { uid: 1000, gid: 1001, isThroughSudo: true };
const user: Caller = { uid: 1000, gid: 1001, isThroughSudo: false };
const root: Caller = { uid: 0, gid: 0, isThroughSudo: false };

function fileWith(volume: string, { service = '', top = '' } = {}): string {
  return `${top}services:\n  a:\n    image: nginx\n${service}    volumes:\n      - ${volume}\n`;
}

function annotationsOf(project: Project): unknown {
  const service = project.services['a'];
  if (service === undefined) throw new TypeError('there is no service a');
  const identity = { project, serviceName: 'a', service, imageId: 'x', number: 1, name: 'a-1' };
  return containerCreate(identity).HostConfig?.Annotations;
}

const mine = { 'tscompose.bind-owner': '{"/app":"1000:1001"}' };
const me = '    x-tscompose: { bind-owner: me }\n';
const off = '    x-tscompose: { bind-owner: container }\n';
const long = (owner: string): string =>
  `{ type: bind, source: ., target: /app, x-tscompose: { bind-owner: ${owner} } }`;

describe('the owner of a bind', () => {
  test.each<[string, string, Caller | null, unknown]>([
    ['the project, through sudo', fileWith('.:/app'), sudo, mine],
    ['below the project, through sudo', fileWith('./src/a:/app'), sudo, mine],
    ['beside the project, through sudo', fileWith('/shopping:/app'), sudo, undefined],
    ['a volume, through sudo', `${fileWith('data:/app')}volumes: { data: }\n`, sudo, undefined],
    ['the project, as oneself', fileWith('.:/app'), user, undefined],
    ['the project, by nobody known', fileWith('.:/app'), null, undefined],
    ['me, anywhere', fileWith('/srv:/app', { service: me }), user, mine],
    ['me, as root', fileWith('.:/app', { service: me }), root, undefined],
    ['not mine, through sudo', fileWith('.:/app', { service: off }), sudo, undefined],
    ['numbers', fileWith(long('5:6')), sudo, { 'tscompose.bind-owner': '{"/app":"5:6"}' }],
    ['not mine on the mount', fileWith(long('root'), { service: me }), sudo, undefined],
    ['me on the mount', fileWith(long('me'), { service: off }), sudo, mine],
    [
      'me for the file',
      fileWith('/srv:/app', { top: 'x-tscompose: { bind-owner: me }\n' }),
      sudo,
      mine,
    ],
    [
      'annotations of the service',
      fileWith('.:/app', { service: '    annotations: { a: b }\n' }),
      sudo,
      { a: 'b', ...mine },
    ],
  ])('of %s must be asked for as an annotation', (_, text, caller, expected) => {
    const { project } = loadText(text, caller === null ? {} : { caller });
    expect(annotationsOf(project)).toEqual(expected);
  });

  test('that is none must be refused at its place', () => {
    const { project } = loadText(fileWith('.:/app', { service: me.replace('me', 'you') }), {
      caller: sudo,
    });
    const text = errorText(() => annotationsOf(project));
    expect(text).toContain('"you" is no bind-owner');
    expect(text).toContain('compose.yaml:4:');
  });

  test('must make a container anew when the file says another, not when another user asks', () => {
    const hashOf = (text: string, caller: Caller): string => {
      const { project } = loadText(text, { caller });
      const service = project.services['a'];
      return service === undefined ? '' : serviceHash(service, project);
    };
    const plain = hashOf(fileWith('.:/app'), sudo);
    expect(hashOf(fileWith('.:/app'), root)).toBe(plain);
    const asked = hashOf(fileWith('.:/app', { service: me }), sudo);
    expect(asked).not.toBe(plain);
    expect(hashOf(fileWith('.:/app', { service: off }), sudo)).not.toBe(asked);
  });
});

describe('a bind that gives much', () => {
  test.each([
    ['/:/host', 'the whole file system of the host'],
    ['/:/host:ro', 'the whole file system of the host'],
    ['/var/run/docker.sock:/s:ro', 'the engine, and with it the host as root'],
    ['/run/docker.sock:/s', 'the engine, and with it the host as root'],
    ['/proc:/p', "the host's processes and settings"],
    ['/proc:/p:ro', null],
    ['/etc/localtime:/t', null],
    ['./src:/src', null],
  ])('%s must be said at its line', (volume, given) => {
    const { project } = loadText(fileWith(volume));
    const source = volume.split(':', 1)[0] ?? '';
    const text = `compose.yaml:5:9: "${source}" gives service "a" ${given ?? ''}`;
    expect(mountWarnings(project, ['a'])).toEqual(given === null ? [] : [text]);
  });
});
