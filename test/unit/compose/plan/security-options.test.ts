import { describe, expect, test } from 'vitest';
import { containerCreate } from '../../../../compose/plan/container-create.ts';
import { loadText } from '../lib/host.ts';

function hostConfigOf(
  options: string,
  files: Readonly<Record<string, string>> = {},
): Readonly<Record<string, unknown>> {
  const text = `services:\n  a:\n    image: nginx\n    security_opt: ${options}\n`;
  const { project } = loadText(text, { files });
  const service = project.services['a'];
  if (service === undefined) throw new TypeError('there is no service a');
  const identity = {
    project,
    serviceName: 'a',
    service,
    imageId: 'sha256:1',
    number: 1,
    name: 'a-1',
  };
  return containerCreate(identity).HostConfig as Readonly<Record<string, unknown>>;
}

describe('security_opt', () => {
  test.each([
    ['[no-new-privileges]', ['no-new-privileges']],
    ['["seccomp=unconfined"]', ['seccomp=unconfined']],
    ['["seccomp:unconfined"]', ['seccomp:unconfined']],
    ['["seccomp=builtin", "label=disable"]', ['seccomp=builtin', 'label=disable']],
    ['["seccomp=p.json"]', ['seccomp={"a b":[1,18446744073709551615],"c":"d \\" e"}']],
    ['["seccomp=/etc/p.json"]', ['seccomp={}']],
  ])('%s', (options, expected) => {
    const files = {
      '/shop/p.json': '{ "a b": [1,\n 18446744073709551615],\t"c" : "d \\" e"}\n',
      '/etc/p.json': '{}',
    };
    expect(hostConfigOf(options, files)).toMatchObject({ SecurityOpt: expected });
  });

  test('system paths that are not confined must be empty lists, and no word', () => {
    expect(hostConfigOf('["systempaths=unconfined", "label=disable"]')).toMatchObject({
      SecurityOpt: ['label=disable'],
      MaskedPaths: [],
      ReadonlyPaths: [],
    });
    expect(hostConfigOf('["label=disable"]')).not.toHaveProperty('MaskedPaths');
  });

  test.each([
    ['["seccomp=nope.json"]', {}, 'opening seccomp profile (nope.json) failed: no such file'],
    ['["seccomp=p"]', { '/shop/p': '{' }, 'opening seccomp profile (p) failed:'],
  ])('%s must be an error at its place', (options, files, message) => {
    expect(() => hostConfigOf(options, files)).toThrow(message);
  });
});
