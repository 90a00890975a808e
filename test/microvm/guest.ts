/** The machine as tests see it: scripts that run in it, and the real docker command before its engine. */
import { execFileSync } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, expect, inject } from 'vitest';

import { EngineClient } from '../../engine/client/index.ts';
import { dockerCli, type CommandResult, type DockerCli } from '../lib/docker-cli.ts';
import { missing } from '../lib/requires.ts';
import { tempPrefix } from '../lib/temp-dir.ts';
import { runScript, type MachinePorts, type ScriptResult } from './machine.ts';

export const missingForMicrovm: readonly string[] = missing(
  ...(['root', 'docker', 'busybox', 'cc', 'qemu', 'mke2fs', 'kernel', 'labels'] as const),
);

export interface Guest {
  readonly docker: DockerCli;
  readonly client: EngineClient;
  /** What a GET of the Engine API answers. */
  readonly get: <T>(path: string) => Promise<T>;
  /** Output of a script in the machine, which must succeed. */
  readonly ok: (script: string) => Promise<string>;
  readonly script: (script: string) => Promise<ScriptResult>;
  /** Runs a container to its end and returns what it printed; it must succeed. */
  readonly output: (options: readonly string[], ...command: readonly string[]) => Promise<string>;
  readonly attempt: (
    options: readonly string[],
    ...command: readonly string[]
  ) => Promise<CommandResult>;
  /** A container that sleeps; its id. */
  readonly running: (...options: readonly string[]) => Promise<string>;
  /** Content of a file of a container's cgroup. */
  readonly read: (id: string, file: string) => Promise<string>;
  readonly removeContainers: () => Promise<void>;
  readonly startEngine: (how?: string) => Promise<void>;
  readonly killEngine: () => Promise<void>;
}

export const engineCgroup = '/sys/fs/cgroup/tscompose';
const program = '/usr/bin/node /opt/tscompose/dist/bin/tscompose.cjs';

/** `how` is what the engine's shell does first, with the word before the program. Resolves when the engine serves. */
export async function startEngine(ports: MachinePorts, how = 'cd / && exec'): Promise<void> {
  const start = `(${how} ${program} daemon) >>/run/engine.log 2>&1 &
    for i in $(seq 600); do
      grep -q '"serving"' /run/engine.log && exit 0
      kill -0 $! || break
      sleep 0.1
    done
    cat /run/engine.log; exit 1`;
  await mustRun(ports, `: >/run/engine.log; ${start}`);
}

async function mustRun(ports: MachinePorts, script: string): Promise<string> {
  const { code, output } = await runScript(ports, script);
  if (code !== 0) throw new Error(`exit code ${code} of:\n${script}\n${output}`);
  return output;
}

/** The one that all tests share. Registers that no container and no cgroup stays behind a file of tests. */
export function useGuest(): Guest {
  const guest = guestAt(inject('microvm') ?? { script: 0, engine: 0 });
  afterAll(() => expectNothingLeft(guest));
  return guest;
}

export async function expectNothingLeft(guest: Guest): Promise<void> {
  await guest.removeContainers();
  expect(await guest.ok(`ls -d ${engineCgroup}/*/ 2>/dev/null; true`)).toBe('');
}

/** Starts the engine and gives it busybox as the image `app`. */
export async function prepareGuest(ports: MachinePorts): Promise<void> {
  await startEngine(ports);
  const configDirectory = join(tmpdir(), `${tempPrefix}none`);
  const docker = dockerCli({ address: `tcp://127.0.0.1:${ports.engine}`, configDirectory });
  const archive = execFileSync('tar', ['-C', '/', '-c', 'bin/busybox'], { maxBuffer: 64 << 20 });
  const change = ['--change', 'ENTRYPOINT ["/bin/busybox"]'];
  const { code, stderr } = await docker.runWithInput(archive, 'import', ...change, '-', 'app');
  if (code !== 0) throw new Error(`cannot import the image: ${stderr}`);
}

export function guestAt(ports: MachinePorts): Guest {
  const address = `tcp://127.0.0.1:${ports.engine}`;
  const docker = dockerCli({ address, configDirectory: join(tmpdir(), `${tempPrefix}none`) });
  const attempt: Guest['attempt'] = (options, ...command) =>
    docker.run('run', '--rm', ...options, 'app', ...command);
  const ok = (script: string): Promise<string> => mustRun(ports, script);
  const removeContainers = async (): Promise<void> => {
    const ids = (await docker.ok('ps', '-aq')).split('\n').filter((id) => id !== '');
    if (ids.length > 0) await docker.ok('rm', '-f', '-v', ...ids);
  };
  return {
    ...{ docker, attempt, ok, removeContainers },
    client: new EngineClient({ address }),
    get: async <T>(path: string) => {
      const answer = await fetch(`http://127.0.0.1:${ports.engine}/v1.51${path}`);
      return (await answer.json()) as T;
    },
    script: (script) => runScript(ports, script),
    output: async (options, ...command) => {
      const { code, stdout, stderr } = await attempt(options, ...command);
      expect([code, stderr]).toEqual([0, expect.anything()]);
      return stdout.replace(/\n$/, '');
    },
    running: (...options) => docker.ok('run', '-d', '--init', ...options, 'app', 'sleep', '1000'),
    read: (id, file) => ok(`cat ${engineCgroup}/${id}/${file}`),
    startEngine: (how) => startEngine(ports, how),
    killEngine: async () => {
      await ok(`pid=$(sed 's/.*"pid":\\([0-9]*\\).*/\\1/' /run/tscompose/engine.pid)
        kill -9 $pid; while [ -d /proc/$pid ]; do sleep 0.02; done`);
    },
  };
}
