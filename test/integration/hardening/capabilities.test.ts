/** Capabilities of every form of a user under every option that touches them, bit by bit (reliability-security.md §2). */
import { describe, expect, test } from 'vitest';

import { absentForDocker, useDockerEngine } from '../../lib/docker-engine.ts';

const title = `capabilities (missing: ${absentForDocker.join() || 'nothing'})`;
const none = '0000000000000000';
/** Docker's fourteen (moby `daemon/pkg/oci/caps/defaults.go`). */
const standard = '00000000a80425fb';
const withNetAdmin = '00000000a80435fb';

/** As written, and whether that is root. */
const users = [
  ['', true],
  ['0', true],
  ['0:5', true],
  ['1000', false],
  ['1000:1001', false],
  [':7', true],
] as const;

describe.skipIf(absentForDocker.length > 0)(title, () => {
  const tools = useDockerEngine();
  const script = "awk '/^Cap/{print $2}' /proc/self/status";

  /** Inheritable, permitted, effective, bounding, ambient. */
  const sets = (held: string, bounding: string): readonly string[] => [
    none,
    held,
    held,
    bounding,
    none,
  ];
  const userOption = (user: string): readonly string[] => (user === '' ? [] : ['-u', user]);

  async function everyCapability(): Promise<string> {
    return (await tools.output(['--privileged'], 'sh', '-c', script)).split('\n')[3] ?? '';
  }

  describe.each(users)('the user "%s"', (user, isRoot) => {
    test.each([
      ['nothing asked for', [], standard],
      ['a capability added', ['--cap-add', 'NET_ADMIN'], withNetAdmin],
      ['all dropped', ['--cap-drop', 'ALL'], none],
      [
        'all dropped and one added',
        ['--cap-drop', 'ALL', '--cap-add', 'NET_ADMIN'],
        '0000000000001000',
      ],
      ['no new privileges', ['--security-opt', 'no-new-privileges'], standard],
      ['no filter', ['--security-opt', 'seccomp=unconfined'], standard],
    ])('%s', async (_name, options, bounding) => {
      const lines = await tools.output([...options, ...userOption(user)], 'sh', '-c', script);
      expect(lines.split('\n')).toEqual(sets(isRoot ? bounding : none, bounding));
    });

    test('privileged', async () => {
      const every = await everyCapability();
      expect(BigInt(`0x${every}`) & BigInt(`0x${standard}`)).toBe(BigInt(`0x${standard}`));
      const lines = await tools.output(['--privileged', ...userOption(user)], 'sh', '-c', script);
      expect(lines.split('\n')).toEqual(sets(isRoot ? every : none, every));
    });

    test('exec, as itself, as root, as another, privileged', async () => {
      const id = await tools.docker.ok('run', '-d', ...userOption(user), 'app', 'sleep', '1000');
      const exec = async (...options: readonly string[]): Promise<readonly string[]> =>
        (await tools.docker.ok('exec', ...options, id, '/bin/busybox', 'sh', '-c', script)).split(
          '\n',
        );
      expect(await exec()).toEqual(sets(isRoot ? standard : none, standard));
      expect(await exec('-u', '0')).toEqual(sets(standard, standard));
      expect(await exec('-u', '1000')).toEqual(sets(none, standard));
      const every = await everyCapability();
      expect(await exec('--privileged')).toEqual(sets(isRoot ? every : none, every));
    });
  });
});
