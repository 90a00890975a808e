/** What dockerd 28.5 says of names, frozen containers and health checks, seen with the real `docker` command. */
import { describe, expect, test } from 'vitest';
import { absentForDocker, useDockerEngine } from '../lib/docker-engine.ts';
import { eventually } from '../lib/eventually.ts';

describe.skipIf(absentForDocker.length > 0)('the life of a container', () => {
  const held = useDockerEngine();

  test('a rename must be refused for the container first and then for the name, in words of its own', async () => {
    const { docker } = held;
    const taken = await docker.ok('create', '--name', 'taken', 'app', 'true');
    await docker.ok('create', '--name', 'own', 'app', 'true');
    const refusal = async (...names: readonly string[]): Promise<string | undefined> =>
      (await docker.run('rename', ...names)).stderr.split('\n')[0];
    expect(await refusal('nobody', '!')).toBe(
      'Error response from daemon: No such container: nobody',
    );
    expect(await refusal('own', 'own')).toContain(
      'Renaming a container with the same name as its current name',
    );
    expect(await refusal('own', 'taken')).toContain(
      `Error when allocating new name: Conflict. The container name "/taken" is already in use by container "${taken}".`,
    );
    expect(await refusal('own', '!')).toContain(
      'Error when allocating new name: Invalid container name (!)',
    );
    await docker.ok('rename', 'own', 'other');
    expect(await docker.ok('ps', '-a', '--format', '{{.Names}}')).toBe('other\ntaken');
  });

  test('pausing twice must be refused with the container’s id', async () => {
    const { docker } = held;
    const id = await docker.ok('run', '-d', 'app', 'sleep', '100');
    await docker.ok('pause', id);
    expect((await docker.run('pause', id)).stderr).toContain(`Container ${id} is already paused`);
    await docker.ok('unpause', id);
    expect((await docker.run('unpause', id)).stderr).toContain(`Container ${id} is not paused`);
  });

  test('the output of a health check must be cut at 4096 bytes and say so', async () => {
    const { docker } = held;
    const options = ['--health-cmd', 'yes | head -c 5000', '--health-interval', '100ms'];
    const command = ['tscompose.local/host', 'sleep', '100'];
    await docker.ok('run', '-d', '--name', 'long', ...options, ...command);
    const first = '{{if .State.Health.Log}}{{json (index .State.Health.Log 0).Output}}{{end}}';
    await eventually(async () => {
      const output = await docker.ok('inspect', '-f', first, 'long');
      expect(JSON.parse(output)).toBe(`${'y\n'.repeat(2048)}...`);
    });
  });
});
