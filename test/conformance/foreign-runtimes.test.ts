/** Containers whose sandbox crun or runc makes instead of our shim, through the real `docker` command. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import { describe, expect, test } from 'vitest';

import { absentForDocker, useDockerEngine } from '../lib/docker-engine.ts';
import { eventually } from '../lib/eventually.ts';
import { missing } from '../lib/requires.ts';

const absent = [...absentForDocker, ...missing('crun', 'runc')];
const title = `other runtimes (missing: ${absent.join() || 'nothing'})`;
const busybox = '/bin/busybox';
const shimEnd = 'SIGKILL';

describe.skipIf(absent.length > 0)(title, () => {
  const tools = useDockerEngine();

  function stateOf(runtime: string): readonly string[] {
    const directory = join(tools.engine.runRoot, 'oci', runtime);
    return existsSync(directory) ? readdirSync(directory) : [];
  }

  async function inspect(id: string, format: string): Promise<string> {
    return await tools.docker.ok('inspect', '--format', format, id);
  }

  describe.each(['crun', 'runc'])('%s', (runtime) => {
    const options = ['--runtime', runtime];
    const runDetached = (...args: readonly string[]): Promise<string> =>
      tools.docker.ok('run', '-d', ...options, ...args);

    test('output, input and exit code must be the program’s', async () => {
      const script = 'read line; echo "out $line"; echo err >&2; exit 7';
      const input = Buffer.from('in\n');
      const args = ['run', '--rm', '-i', ...options, 'app', 'sh', '-c', script];
      expect(await tools.docker.runWithInput(input, ...args)).toEqual({
        ...{ code: 7, stdout: 'out in\n', stderr: 'err\n' },
      });
      expect(stateOf(runtime)).toEqual([]);
    });

    test.each([
      ['nope', 127, /OCI runtime create failed: .*nope.*(not found|No such file)/s],
      ['/etc/hostname', 126, /OCI runtime create failed: .*[Pp]ermission denied/s],
    ])(
      '%s must fail in the words of the runtime, and nothing stay',
      async (program, code, words) => {
        const args = ['--name', 'failed', ...options, '--entrypoint', program, 'app'];
        const { code: shown, stdout, stderr } = await tools.docker.run('run', ...args);
        expect([shown, stdout, stderr]).toEqual([code, '', expect.stringMatching(words)]);
        expect(await inspect('failed', '{{.State.Status}} {{.State.ExitCode}}')).toBe(
          `created ${code}`,
        );
        expect(await tools.docker.ok('logs', 'failed')).toBe('');
        expect(stateOf(runtime)).toEqual([]);
      },
    );

    test('an exec must have its streams, its user, its directory, its exit code and its failure', async () => {
      const id = await runDetached('app', 'sleep', '1000');
      const script = 'cat; id -u; pwd; echo err >&2; exit 9';
      const args = ['exec', '-i', '-u', '1000', '-w', '/bin', id, busybox, 'sh', '-c', script];
      expect(await tools.docker.runWithInput(Buffer.from('in\n'), ...args)).toEqual({
        ...{ code: 9, stdout: 'in\n1000\n/bin\n', stderr: 'err\n' },
      });
      const failed = await tools.docker.run('exec', id, 'nope');
      expect([failed.code, failed.stdout + failed.stderr]).toEqual([
        127,
        expect.stringMatching(/OCI runtime exec failed: .*nope/s),
      ]);
      const names = readdirSync(join(tools.engine.runRoot, 'b'));
      expect(names).toEqual([id.slice(0, 32)]);
    });

    test.runIf(runtime === 'crun')(
      'many short execs at once must all have their own end',
      async () => {
        const id = await runDetached('app', 'sleep', '1000');
        const codes = [3, 4, 5, 6];
        const exits = codes.map((code) =>
          tools.docker.run('exec', id, busybox, 'sh', '-c', `exit ${code}`),
        );
        expect((await Promise.all(exits)).map(({ code }) => code)).toEqual(codes);
      },
    );

    test.runIf(runtime === 'crun')(
      'a terminal must be one, of the container and of an exec',
      async () => {
        const id = await runDetached('-t', 'app', 'sh', '-c', 'tty; sleep 1000');
        await eventually(async () => {
          expect(await tools.docker.ok('logs', id)).toContain('/dev/pts/0');
        });
        const exec = await tools.docker.run('exec', '-t', id, busybox, 'tty');
        expect(exec.stdout).toMatch(/^\/dev\/pts\/\d+\r\n/);
      },
    );

    test.runIf(runtime === 'crun')('signals, pause and stop must reach it', async () => {
      const script =
        "trap 'echo usr' USR1; trap 'echo term; exit 3' TERM; echo up; while :; do sleep 0.02; done";
      const id = await runDetached('app', 'sh', '-c', script);
      const logs = (): Promise<string> => tools.docker.ok('logs', id);
      await eventually(async () => {
        expect(await logs()).toContain('up');
      });
      await tools.docker.ok('pause', id);
      expect(await inspect(id, '{{.State.Status}}')).toBe('paused');
      await tools.docker.ok('unpause', id);
      await tools.docker.ok('kill', '-s', 'USR1', id);
      await eventually(async () => {
        expect(await logs()).toContain('usr');
      });
      await tools.docker.ok('stop', '-t', '20', id);
      expect(await inspect(id, '{{.State.ExitCode}}')).toBe('3');
      expect(await logs()).toBe('up\nusr\nterm');
      await tools.docker.ok('start', id);
      await tools.docker.ok('kill', id);
      await tools.docker.ok('wait', id);
      expect(await inspect(id, '{{.State.ExitCode}} {{.HostConfig.Runtime}}')).toBe(
        `137 ${runtime}`,
      );
    });

    test('an engine that was killed must find it again, with its output, its execs and its end', async () => {
      const script = "trap 'exit 5' TERM; echo up; while :; do sleep 0.02; done";
      const id = await runDetached('app', 'sh', '-c', script);
      await tools.engine.kill();
      await tools.engine.start();
      expect(await tools.docker.ok('exec', id, busybox, 'echo', 'there')).toBe('there');
      expect(await inspect(id, '{{.State.Status}} {{.RestartCount}}')).toBe('running 0');
      await tools.docker.ok('stop', '-t', '20', id);
      expect(await inspect(id, '{{.State.ExitCode}}')).toBe('5');
      expect(await tools.docker.ok('logs', id)).toBe('up');
      expect(stateOf(runtime)).toEqual([]);
    });

    test('one whose shim was killed must be gone, also when the engine was', async () => {
      for (const isEngineKilled of [false, true]) {
        const id = await runDetached('app', 'sleep', '1000');
        const pid = Number(await inspect(id, '{{.State.Pid}}'));
        const shim = Number(
          /^PPid:\s+(\d+)$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1],
        );
        if (isEngineKilled) await tools.engine.kill();
        process.kill(shim, shimEnd);
        if (isEngineKilled) await tools.engine.start();
        await eventually(async () => {
          expect(await inspect(id, '{{.State.Status}}')).toBe('exited');
        });
        await eventually(() => {
          expect(stateOf(runtime)).toEqual([]);
        });
        // Whoever has it as a child now may take its time to wait for it.
        await eventually(() => {
          expect(existsSync(`/proc/${pid}`)).toBe(false);
        });
      }
    });

    test('namespaces of others must be joined, in both directions', async () => {
      const donor = await runDetached(
        '--ipc',
        'shareable',
        'app',
        'sh',
        '-c',
        'echo shared > /dev/shm/x; sleep 1000',
      );
      const shared = [
        '--network',
        `container:${donor}`,
        '--pid',
        `container:${donor}`,
        '--ipc',
        `container:${donor}`,
      ];
      const script =
        'cat /dev/shm/x; ls /proc/1/comm >/dev/null && cat /proc/1/comm; readlink /proc/self/ns/net; readlink /proc/self/ns/ipc';
      const links = async (...more: readonly string[]): Promise<string> =>
        await tools.output([...more, ...shared], 'sh', '-c', script);
      const ours = await links();
      expect(ours).toMatch(/^shared\nsleep\nnet:\[\d+\]\nipc:\[\d+\]$/);
      expect(await links(...options)).toBe(ours);
    });
  });
});
