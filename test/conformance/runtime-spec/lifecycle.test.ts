/** runtime.md, "Operations" and "Lifecycle". */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import { eventually } from '../../lib/eventually.ts';
import {
  createContainer,
  family,
  group,
  invoke,
  makeBundle,
  makeConfig,
  obligation,
  rootfs,
  runBundle,
  scratch,
  startContainer,
} from './support.ts';
import type { Container } from './support.ts';

const sleeper = (): ReturnType<typeof makeConfig> => makeConfig(['sleep', '1000']);

async function untilStopped(container: Container): Promise<void> {
  await eventually(async () => {
    expect((await container.state()).status).toBe('stopped');
  });
}

family('lifecycle: create', () => {
  obligation('create leaves a container that waits, with a process', async () => {
    await using container = await createContainer(sleeper());
    expect(container.created.code).toBe(0);
    const { status, pid = 0 } = await container.state();
    expect(status).toBe('created');
    expect(existsSync(`/proc/${pid}`)).toBe(true);
  });

  obligation('create runs nothing of the program', async () => {
    await using container = await createContainer(makeConfig(['touch', '/tmp/too-early']));
    expect((await container.state()).status).toBe('created');
    expect(existsSync(join(rootfs(), 'tmp/too-early'))).toBe(false);
  });

  obligation('create writes the process id where it is told', async () => {
    const file = scratch('pid-file');
    await using container = await createContainer(sleeper(), ['--pid-file', file]);
    expect(Number(readFileSync(file, 'utf8'))).toBe((await container.state()).pid);
  });

  obligation('create refuses an id that is taken, and leaves its container alone', async () => {
    await using container = await createContainer(sleeper());
    const again = await invoke(['create', '--bundle', container.bundle, container.id]);
    expect(again.code).not.toBe(0);
    expect((await container.state()).status).toBe('created');
  });

  obligation('create refuses a bundle that is not there', async () => {
    const { code } = await invoke(['create', '--bundle', scratch('nowhere'), 'absent']);
    expect(code).not.toBe(0);
  });

  obligation('create refuses a bundle without a configuration', async () => {
    mkdirSync(scratch('empty'));
    const { code, stderr } = await invoke(['create', '--bundle', scratch('empty'), 'empty']);
    expect(code).not.toBe(0);
    expect(stderr).toContain('config.json');
  });

  obligation('create refuses a configuration that is no JSON', async () => {
    const { id, path } = makeBundle('{"ociVersion": ');
    expect((await invoke(['create', '--bundle', path, id])).code).not.toBe(0);
  });

  obligation('create without an id is refused', async () => {
    const { path } = makeBundle(sleeper());
    expect((await invoke(['create', '--bundle', path])).code).not.toBe(0);
  });

  obligation('create refuses an id that leads out of its directory', async () => {
    const { path } = makeBundle(sleeper());
    expect((await invoke(['create', '--bundle', path, '../outside'])).code).not.toBe(0);
    expect(existsSync(scratch('outside'))).toBe(false);
  });

  obligation('create leaves nothing of a container that could not be made', async () => {
    const { id, path } = makeBundle(
      makeConfig(['true'], {
        mounts: [{ destination: '/x', type: 'bind', source: '/nowhere', options: ['bind'] }],
      }),
    );
    expect((await invoke(['create', '--bundle', path, id])).code).not.toBe(0);
    expect((await invoke(['state', id])).code).not.toBe(0);
    expect(existsSync(`/sys/fs/cgroup/memory/${group}/${id}`)).toBe(false);
  });

  obligation('create takes the configuration as it is then, whatever becomes of it', async () => {
    await using container = await createContainer(makeConfig(['touch', '/tmp/as-created']));
    const changed = JSON.stringify(makeConfig(['touch', '/tmp/as-changed']));
    writeFileSync(join(container.bundle, 'config.json'), changed);
    expect((await container.call('start')).code).toBe(0);
    await untilStopped(container);
    expect(existsSync(join(rootfs(), 'tmp/as-created'))).toBe(true);
    expect(existsSync(join(rootfs(), 'tmp/as-changed'))).toBe(false);
  });

  obligation('create says that there is no such program', async () => {
    const { id, path } = makeBundle(makeConfig(['no-such-program']));
    const { code, stderr } = await invoke(['create', '--bundle', path, id]);
    await invoke(['delete', '--force', id]);
    expect(code).not.toBe(0);
    expect(stderr).toMatch(/no such file|not found/i);
  });
});

family('lifecycle: start', () => {
  obligation('start runs the program', async () => {
    await using container = await createContainer(sleeper());
    expect((await container.call('start')).code).toBe(0);
    const { status, pid = 0 } = await container.state();
    expect(status).toBe('running');
    await eventually(() => {
      expect(readFileSync(`/proc/${pid}/cmdline`, 'utf8')).toContain('1000');
    });
  });

  obligation('start of a running container is refused, and has no effect', async () => {
    await using container = await startContainer(sleeper());
    expect((await container.call('start')).code).not.toBe(0);
    expect((await container.state()).status).toBe('running');
  });

  obligation('start of a stopped container is refused', async () => {
    await using container = await startContainer(makeConfig(['true']));
    await untilStopped(container);
    expect((await container.call('start')).code).not.toBe(0);
  });

  obligation('start of what is not there is refused', async () => {
    expect((await invoke(['start', 'nobody'])).code).not.toBe(0);
  });
});

family('lifecycle: state', () => {
  obligation('state of what is not there is refused', async () => {
    expect((await invoke(['state', 'nobody'])).code).not.toBe(0);
  });

  obligation('state has version, id, bundle and annotations', async () => {
    const annotations = { 'org.example.one': '1', 'org.example.two': '' };
    await using container = await createContainer({ ...sleeper(), annotations });
    const state = await container.state();
    expect(state.ociVersion).toMatch(/^1\.\d+\.\d+/);
    expect(state).toMatchObject({ id: container.id, bundle: container.bundle, annotations });
  });

  obligation('state of one that has stopped has no process', async () => {
    await using container = await startContainer(makeConfig(['true']));
    await untilStopped(container);
    expect((await container.state()).pid ?? 0).toBe(0);
  });
});

family('lifecycle: kill', () => {
  const trapping = (): ReturnType<typeof makeConfig> =>
    makeConfig(['sh', '-c', 'trap "exit 0" USR1 TERM HUP; while :; do sleep 0.02; done']);

  for (const signal of ['SIGUSR1', 'HUP', '10', 'KILL', 'SIGKILL', '9']) {
    obligation(`kill takes "${signal}"`, async () => {
      await using container = await startContainer(trapping());
      await eventually(async () => {
        expect((await container.call('kill', signal)).code).toBe(0);
        expect((await container.state()).status).toBe('stopped');
      });
    });
  }

  obligation('kill without a signal asks the program to end', async () => {
    await using container = await startContainer(trapping());
    await eventually(async () => {
      await container.call('kill');
      expect((await container.state()).status).toBe('stopped');
    });
  });

  obligation('kill of one that waits ends it', async () => {
    await using container = await createContainer(sleeper());
    expect((await container.call('kill', 'KILL')).code).toBe(0);
    await untilStopped(container);
  });

  obligation('kill of one that has stopped is refused', async () => {
    await using container = await startContainer(makeConfig(['true']));
    await untilStopped(container);
    expect((await container.call('kill', 'KILL')).code).not.toBe(0);
  });

  obligation('kill of what is not there is refused', async () => {
    expect((await invoke(['kill', 'nobody', 'KILL'])).code).not.toBe(0);
  });

  obligation('kill refuses what is no signal, and has no effect', async () => {
    await using container = await startContainer(sleeper());
    expect((await container.call('kill', 'SIGNOTHING')).code).not.toBe(0);
    expect((await container.state()).status).toBe('running');
  });

  obligation('kill --all reaches every process of the container', async () => {
    const config = makeConfig(['sh', '-c', 'sleep 1000 & sleep 1000 & wait']);
    await using container = await startContainer(config);
    await eventually(async () => {
      expect(await pidsOf(container)).toHaveLength(3);
    });
    expect((await container.call('kill', '--all', 'KILL')).code).toBe(0);
    await untilStopped(container);
    expect(await pidsOf(container)).toHaveLength(0);
  });
});

async function pidsOf(container: Container): Promise<readonly number[]> {
  const { stdout } = await container.call('ps', '--format=json');
  return (JSON.parse(stdout === '' ? '[]' : stdout) ?? []) as number[];
}

family('lifecycle: delete', () => {
  obligation('delete of one that runs is refused, and has no effect', async () => {
    await using container = await startContainer(sleeper());
    expect((await container.call('delete')).code).not.toBe(0);
    expect((await container.state()).status).toBe('running');
  });

  obligation('delete of one that waits is refused, and has no effect', async () => {
    await using container = await createContainer(sleeper());
    expect((await container.call('delete')).code).not.toBe(0);
    expect((await container.state()).status).toBe('created');
  });

  obligation(
    'delete of one that has stopped takes all of it away, and its id is free',
    async () => {
      const container = await startContainer(makeConfig(['true']));
      await untilStopped(container);
      expect((await container.call('delete')).code).toBe(0);
      expect((await container.call('state')).code).not.toBe(0);
      expect(existsSync(`/sys/fs/cgroup/memory/${group}/${container.id}`)).toBe(false);
      const again = await invoke(['create', '--bundle', container.bundle, container.id]);
      await container[Symbol.asyncDispose]();
      expect(again.code).toBe(0);
    },
  );

  obligation('delete of what is not there is refused', async () => {
    expect((await invoke(['delete', 'nobody'])).code).not.toBe(0);
  });

  obligation('delete --force ends one that runs', async () => {
    const container = await startContainer(sleeper());
    const { pid = 0 } = await container.state();
    expect((await container.call('delete', '--force')).code).toBe(0);
    expect((await container.call('state')).code).not.toBe(0);
    await eventually(() => {
      expect(existsSync(`/proc/${pid}/exe`)).toBe(false);
    });
  });

  obligation('delete --force of what is not there is no failure', async () => {
    expect((await invoke(['delete', '--force', 'nobody'])).code).toBe(0);
  });

  obligation('delete ends what a program without a pid namespace left behind', async () => {
    const config = makeConfig(['sh', '-c', 'sleep 1000 & exit 0'], {
      linux: { namespaces: [{ type: 'mount' }, { type: 'network' }, { type: 'uts' }] },
    });
    const container = await startContainer(config);
    await untilStopped(container);
    expect((await container.call('delete')).code).toBe(0);
  });
});

family('lifecycle: pause and resume', () => {
  obligation('pause stops the program until resume', async () => {
    await using container = await startContainer(sleeper());
    expect((await container.call('pause')).code).toBe(0);
    expect((await container.state()).status).toBe('paused');
    expect((await container.call('resume')).code).toBe(0);
    expect((await container.state()).status).toBe('running');
  });

  obligation('resume of one that is not paused is refused', async () => {
    await using container = await startContainer(sleeper());
    expect((await container.call('resume')).code).not.toBe(0);
  });

  obligation('exec in one that is paused is refused', async () => {
    await using container = await startContainer(sleeper());
    await container.call('pause');
    const { code } = await container.call('exec', 'true');
    await container.call('resume');
    expect(code).not.toBe(0);
  });
});

family('lifecycle: run and the rest of the command line', () => {
  for (const code of [0, 1, 7, 255]) {
    obligation(`run ends with the program's ${code}`, async () => {
      expect((await runBundle(makeConfig(['sh', '-c', `exit ${code}`]))).code).toBe(code);
    });
  }

  obligation('run ends with 128 and the signal', async () => {
    const config = makeConfig(['sh', '-c', 'kill -KILL $$'], {
      linux: { namespaces: [{ type: 'mount' }, { type: 'uts' }] },
    });
    expect((await runBundle(config)).code).toBe(137);
  });

  obligation('list names every container and what it does', async () => {
    await using container = await createContainer(sleeper());
    const { stdout } = await invoke(['list', '--format', 'json']);
    expect(JSON.parse(stdout)).toMatchObject([{ id: container.id, status: 'created' }]);
    expect((await invoke(['list', '-q'])).stdout).toBe(`${container.id}\n`);
  });

  obligation('features names versions, hooks, namespaces and seccomp actions', async () => {
    const { code, stdout } = await invoke(['features']);
    expect(code).toBe(0);
    const features = JSON.parse(stdout) as {
      ociVersionMin: string;
      hooks: string[];
      linux: { namespaces: string[]; seccomp: { actions: string[] } };
    };
    expect(features.ociVersionMin).toMatch(/^1\.0\.0/);
    expect(features.hooks).toContain('createContainer');
    expect(features.linux.namespaces).toContain('mount');
    expect(features.linux.seccomp.actions).toContain('SCMP_ACT_ERRNO');
  });

  obligation('--version says which specification it follows', async () => {
    expect((await invoke(['--version'])).stdout).toMatch(/spec: 1\.\d/);
  });

  obligation('a command that there is not is refused', async () => {
    expect((await invoke(['hibernate', 'x'])).code).not.toBe(0);
  });

  obligation('what went wrong is in the log, as JSON', async () => {
    const log = scratch('log.json');
    await invoke(['--log', log, '--log-format', 'json', 'start', 'nobody']);
    const line = readFileSync(log, 'utf8').trim().split('\n').at(-1) ?? '';
    expect(JSON.parse(line)).toMatchObject({ level: 'error' });
    expect((JSON.parse(line) as { msg: string }).msg).not.toBe('');
  });
});
