/** config.md, "POSIX-platform Hooks"; runtime.md, "Lifecycle". */
import { chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import { eventually } from '../../lib/eventually.ts';
import {
  createContainer,
  family,
  invoke,
  makeBundle,
  makeConfig,
  obligation,
  rootfs,
  scratch,
  startContainer,
} from './support.ts';
import type { Config, State } from './support.ts';

/** Writes what it was told to a file, for `cat` to read. */
function hook(name: string, script: string): string {
  const path = scratch(`${name}.sh`);
  writeFileSync(path, `#!/bin/sh\n${script}\n`);
  chmodSync(path, 0o755);
  return path;
}

const read = (name: string): string => readFileSync(scratch(name), 'utf8');
const outside = ['prestart', 'createRuntime', 'poststart', 'poststop'] as const;

async function whole(hooks: Config, args: readonly string[] = ['true']): Promise<void> {
  const container = await startContainer({ ...makeConfig(args), hooks });
  await eventually(async () => {
    expect((await container.state()).status).toBe('stopped');
  });
  const { code, stderr } = await container.call('delete');
  if (code !== 0) throw new Error(stderr);
}

family('hooks', () => {
  for (const name of outside) {
    obligation(`${name} runs, and reads the state`, async () => {
      const path = hook(name, `cat > ${scratch(name)}`);
      await whole({ [name]: [{ path }] });
      const state = JSON.parse(read(name)) as State;
      expect(state.bundle).toContain('case-');
      expect(state.id).toContain('case-');
      if (name !== 'poststop') expect(state.pid).toBeGreaterThan(0);
    });
  }

  obligation('they run in the order of the lifecycle, and each list in its own', async () => {
    const order = scratch('order');
    const note = hook('note', `echo "$1" >> ${order}; cat > /dev/null`);
    const entry = (word: string): Config => ({ path: note, args: ['note', word] });
    await whole({
      poststop: [entry('poststop')],
      poststart: [entry('poststart')],
      createRuntime: [entry('createRuntime 1'), entry('createRuntime 2')],
      prestart: [entry('prestart')],
    });
    expect(read('order')).toBe('prestart\ncreateRuntime 1\ncreateRuntime 2\npoststart\npoststop\n');
  });

  obligation('a hook has the words and the variables that are given, and no other', async () => {
    const path = hook('words', `echo "$@" > ${scratch('words')}; env >> ${scratch('words')}`);
    await whole({
      createRuntime: [{ path, args: ['words', 'a', 'b c'], env: ['ONE=1', 'PATH=/usr/bin:/bin'] }],
    });
    expect(read('words')).toContain('a b c\n');
    expect(read('words')).toContain('ONE=1\n');
    expect(read('words')).not.toContain('HOME=');
  });

  obligation(
    "createRuntime comes before the root is exchanged, with the container's process",
    async () => {
      const path = hook(
        'pid',
        `read state; pid=\${state#*\\"pid\\":}; readlink /proc/$(echo "$pid" | grep -o '^ *[0-9]*' | tr -d ' ')/root > ${scratch('pid')}`,
      );
      await using container = await createContainer({
        ...makeConfig(['true']),
        hooks: { createRuntime: [{ path }] },
      });
      expect(container.created.code).toBe(0);
      expect(read('pid')).toBe('/\n');
    },
  );

  obligation('createRuntime that fails ends the creation', async () => {
    const path = hook('fails', 'exit 3');
    const { id, path: bundle } = makeBundle({
      ...makeConfig(['true']),
      hooks: { createRuntime: [{ path }] },
    });
    expect((await invoke(['create', '--bundle', bundle, id])).code).not.toBe(0);
    expect((await invoke(['state', id])).code).not.toBe(0);
  });

  obligation('a hook that takes longer than it may is ended, and has failed', async () => {
    const path = hook('slow', 'exec sleep 1000');
    const { id, path: bundle } = makeBundle({
      ...makeConfig(['true']),
      hooks: { createRuntime: [{ path, timeout: 1 }] },
    });
    expect((await invoke(['create', '--bundle', bundle, id])).code).not.toBe(0);
  });

  obligation('a hook that is not there has failed', async () => {
    const hooks = { prestart: [{ path: '/no/such/hook' }] };
    const { id, path: bundle } = makeBundle({ ...makeConfig(['true']), hooks });
    expect((await invoke(['create', '--bundle', bundle, id])).code).not.toBe(0);
  });

  obligation(
    'createContainer runs in the namespaces of the container, before the root is exchanged',
    async () => {
      const path = hook(
        'create-container',
        `cat > ${scratch('inside')}; hostname >> ${scratch('inside')}; readlink /proc/self/ns/uts >> ${scratch('inside')}`,
      );
      await using container = await createContainer({
        ...makeConfig(['true']),
        hooks: { createContainer: [{ path, env: ['PATH=/usr/bin:/bin'] }] },
      });
      expect(container.created.stderr).toBe('');
      expect(read('inside')).toContain('"id"');
      expect(read('inside')).toContain('box\n');
    },
  );

  obligation('createContainer that fails ends the creation', async () => {
    const path = hook('create-container-fails', 'exit 1');
    const { id, path: bundle } = makeBundle({
      ...makeConfig(['true']),
      hooks: { createContainer: [{ path }] },
    });
    expect((await invoke(['create', '--bundle', bundle, id])).code).not.toBe(0);
  });

  obligation('startContainer runs inside, when the container is started', async () => {
    writeFileSync(join(rootfs(), 'bin/start-hook'), '#!/bin/sh\ncat > /tmp/start-hook\n', {
      mode: 0o755,
    });
    const hooks = { startContainer: [{ path: '/bin/start-hook', env: ['PATH=/bin'] }] };
    await using container = await createContainer({
      ...makeConfig(['sh', '-c', 'cat /tmp/start-hook > /tmp/seen']),
      hooks,
    });
    expect(existsSync(join(rootfs(), 'tmp/start-hook'))).toBe(false);
    expect((await container.call('start')).code).toBe(0);
    await eventually(() => {
      const state = JSON.parse(readFileSync(join(rootfs(), 'tmp/seen'), 'utf8')) as State;
      expect(state).toMatchObject({ id: container.id, pid: 1 });
    });
  });

  obligation('startContainer that fails keeps the program from running', async () => {
    writeFileSync(join(rootfs(), 'bin/bad-hook'), '#!/bin/sh\nexit 1\n', { mode: 0o755 });
    const hooks = { startContainer: [{ path: '/bin/bad-hook' }] };
    await using container = await createContainer({ ...makeConfig(['touch', '/tmp/ran']), hooks });
    await container.call('start');
    await eventually(async () => {
      expect((await container.state()).status).toBe('stopped');
    });
    expect(existsSync(join(rootfs(), 'tmp/ran'))).toBe(false);
  });

  for (const name of ['poststart', 'poststop'] as const) {
    obligation(`${name} that fails is no failure of the container`, async () => {
      const path = hook(`${name}-fails`, 'exit 5');
      const after = hook(`${name}-after`, `echo ran > ${scratch(`${name}-after`)}`);
      await whole({ [name]: [{ path }, { path: after }] });
      expect(read(`${name}-after`)).toBe('ran\n');
    });
  }
});
