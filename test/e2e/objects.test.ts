/** Commands about the engine's own things, beside the real `docker` on the same engine: the same bytes. */
import { afterEach, describe, expect, test } from 'vitest';
import { absentForDocker, useDockerEngine } from '../lib/docker-engine.ts';

/** Two commands do not run at the same moment. */
function ageless(text: string): string {
  return text
    .replaceAll(/Less than a second|\d+ seconds?|[\d.]+ms/gu, 'AGE')
    .replaceAll(/ {2,}/gu, '  ');
}

describe.skipIf(absentForDocker.length > 0)('what docker prints must be printed', () => {
  const held = useDockerEngine();

  afterEach(async () => {
    const ids = await held.engine.mustCli(['container', 'ls', '-aq']);
    if (ids !== '') await held.engine.mustCli(['container', 'rm', '-f', ...ids.trim().split('\n')]);
    await held.engine.mustCli(['system', 'prune', '-f', '--volumes']);
    await held.engine.mustCli(['volume', 'prune', '-af']);
  });

  async function both(...args: readonly string[]): Promise<readonly [string, string]> {
    const [own, docker] = await Promise.all([
      held.engine.mustCli(args),
      held.docker.ok(...args).then((text) => `${text}\n`),
    ]);
    return [own, docker];
  }

  test('by every list, of containers, volumes and networks that are there', async () => {
    const { docker } = held;
    const file = 'echo hi >/data/f; echo 12345 >/own; sleep 100';
    await docker.ok('volume', 'create', '--label', 'a=b', 'kept');
    await docker.ok('network', 'create', '--label', 'x=y', '--internal', 'back');
    await docker.ok(
      'run',
      '-d',
      '--name',
      'one',
      '-v',
      'kept:/data',
      '-v',
      '/anon',
      'app',
      'sh',
      '-c',
      file,
    );
    await docker.ok('run', '--name', 'two', 'app', 'true');
    for (const args of [
      ['system', 'df'],
      ['system', 'df', '-v'],
      ['system', 'df', '--format', 'json'],
      ['system', 'df', '--format', 'table {{.Type}}\\t{{.Reclaimable}}'],
      ['container', 'ls'],
      ['container', 'ls', '-a', '--no-trunc'],
      ['container', 'ls', '-aq', '--filter', 'status=exited'],
      ['container', 'ls', '-s'],
      ['network', 'ls'],
      ['network', 'ls', '--no-trunc', '-q', '-f', 'driver=bridge'],
      ['network', 'ls', '--format', 'json'],
      ['network', 'ls', '--format', '{{.Label "x"}}|{{.Internal}}'],
      ['volume', 'ls'],
      ['volume', 'ls', '-q', '-f', 'label=a'],
      ['volume', 'ls', '--format', 'json'],
      ['image', 'ls'],
      ['image', 'ls', '--no-trunc', '-q'],
      ['image', 'ls', '--digests', 'app'],
      ['network', 'inspect', 'back'],
      ['network', 'inspect', '-f', '{{.Name}} {{index .Labels "x"}} {{.Internal}}', 'back'],
      ['volume', 'inspect', '-f', '{{.Name}} {{.Labels.a}} {{.Mountpoint}}', 'kept'],
      ['container', 'inspect', '-f', '{{.Name}} {{.State.Running}} {{len .Mounts}}', 'one'],
      ['image', 'inspect', '-f', '{{json .Config.Entrypoint}}', 'app'],
      [
        'system',
        'events',
        '--since',
        '1h',
        '--until',
        '0s',
        '-f',
        'type=volume',
        '--format',
        '{{.Action}} {{.Actor.ID}}',
      ],
    ]) {
      const [own, expected] = await both(...args);
      expect(ageless(own), args.join(' ')).toBe(ageless(expected));
    }
  });

  test('by every removal, and the exit code must be the same', async () => {
    const { docker, engine } = held;
    for (const name of ['a', 'b']) {
      await docker.ok('run', '--name', `used-${name}`, '-v', '/anon', 'app', 'true');
      await docker.ok('network', 'create', `net-${name}`);
      await docker.ok('volume', 'create', `vol-${name}`);
    }
    const ids = await docker.ok('ps', '-aq', '--no-trunc', '--filter', 'name=used-a');
    const own = await engine.mustCli(['container', 'prune', '-f', '--filter', 'label!=x']);
    expect(own).toContain(`Deleted Containers:\n`);
    expect(own).toContain(`${ids}\n`);
    expect(own).toMatch(/\n\nTotal reclaimed space: 0B\n$/u);
    expect(await engine.mustCli(['network', 'prune', '-f'])).toBe(
      'Deleted Networks:\nnet-a\nnet-b\n\n',
    );
    expect(await engine.mustCli(['volume', 'rm', 'vol-a'])).toBe('vol-a\n');
    const missing = await engine.cli(['volume', 'rm', 'vol-a', 'vol-b']);
    expect(missing.code).toBe(1);
    expect(missing.stdout).toBe('vol-b\n');
    expect(missing.stderr).toBe('error: get vol-a: no such volume\n');
    expect(await engine.mustCli(['volume', 'rm', '-f', 'vol-a'])).toBe('vol-a\n');
    const pruned = await engine.mustCli(['system', 'prune', '-f', '--volumes']);
    expect(pruned).toMatch(/^Deleted Volumes:\n[0-9a-f]{64}\n[0-9a-f]{64}\n\nTotal/u);
    expect(await docker.ok('volume', 'ls', '-q')).toBe('');
  });

  test('where something is made', async () => {
    const { docker, engine } = held;
    const subnet = [
      '--subnet',
      '10.99.0.0/24',
      '--gateway',
      '10.99.0.7',
      '--ip-range',
      '10.99.0.128/25',
    ];
    const id = await engine.mustCli([
      'network',
      'create',
      ...subnet,
      '--aux-address',
      'r=10.99.0.9',
      'made',
    ]);
    expect(id).toMatch(/^[0-9a-f]{64}\n$/u);
    expect(
      JSON.parse(await docker.ok('network', 'inspect', '-f', '{{json .IPAM.Config}}', 'made')),
    ).toEqual([
      {
        Subnet: '10.99.0.0/24',
        Gateway: '10.99.0.7',
        IPRange: '10.99.0.128/25',
        AuxiliaryAddresses: { r: '10.99.0.9' },
      },
    ]);
    await engine.mustCli(['network', 'rm', 'made']);
    await engine.mustCli(['volume', 'create', '--label', 'k=v', 'made']);
    expect(await docker.ok('volume', 'inspect', '-f', '{{.Labels.k}}', 'made')).toBe('v');
    expect(await engine.mustCli(['volume', 'rm', 'made'])).toBe('made\n');
  });
});
