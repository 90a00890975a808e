/** An engine for one file of tests, with the real `docker` command before it and busybox as the image `app`. */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';

import { afterAll, afterEach, beforeAll, expect } from 'vitest';

import { expectNoLeaks, takeAudit, type Audit } from './audit.ts';
import { dockerCli, type CommandResult, type DockerCli } from './docker-cli.ts';
import { TestEngine } from './engine.ts';
import { missing } from './requires.ts';

export const absentForDocker: readonly string[] = missing(
  ...(['root', 'overlayfs', 'nftables', 'docker', 'busybox'] as const),
);

export interface DockerEngine {
  readonly engine: TestEngine;
  readonly docker: DockerCli;
  /** `docker run --rm OPTIONS app COMMAND`, which must succeed. */
  readonly output: (options: readonly string[], ...command: readonly string[]) => Promise<string>;
  /** The same, and whatever becomes of it. */
  readonly attempt: (
    options: readonly string[],
    ...command: readonly string[]
  ) => Promise<CommandResult>;
}

/** Registers its making and its end, without leaks, and the removal of containers after each test. */
export function useDockerEngine(): DockerEngine {
  const held: { engine?: TestEngine; docker?: DockerCli; before?: Audit } = {};
  beforeAll(async () => {
    const engine = (held.engine = await TestEngine.create());
    held.before = await takeAudit(engine.scope);
    await engine.start();
    const configDirectory = join(engine.root, 'docker');
    held.docker = dockerCli({ address: `unix://${engine.socket}`, configDirectory });
    const archive = execFileSync('tar', ['-C', '/', '-c', 'bin/busybox'], { maxBuffer: 64 << 20 });
    await importImage(held.docker, 'app', archive);
  });
  afterEach(async () => {
    const docker = given(held.docker);
    const ids = (await docker.ok('ps', '-aq')).split('\n').filter((id) => id !== '');
    if (ids.length > 0) await docker.ok('rm', '-f', '-v', ...ids);
  });
  afterAll(async () => {
    await given(held.engine)[Symbol.asyncDispose]();
    await expectNoLeaks(given(held.before), given(held.engine).scope);
  });
  const attempt: DockerEngine['attempt'] = async (options, ...command) =>
    await given(held.docker).run('run', '--rm', ...options, 'app', ...command);
  return {
    get engine() {
      return given(held.engine);
    },
    get docker() {
      return given(held.docker);
    },
    attempt,
    output: async (options, ...command) => {
      const { code, stdout, stderr } = await attempt(options, ...command);
      expect([code, stderr]).toEqual([0, expect.anything()]);
      return stdout.replace(/\n$/, '');
    },
  };
}

/** An image whose entrypoint is its busybox. */
export async function importImage(
  docker: DockerCli,
  name: string,
  archive: Uint8Array,
): Promise<void> {
  const change = ['--change', 'ENTRYPOINT ["/bin/busybox"]'];
  const { code, stderr } = await docker.runWithInput(archive, 'import', ...change, '-', name);
  expect([code, stderr]).toEqual([0, '']);
}

function given<T>(value: T | undefined): T {
  if (value === undefined) throw new TypeError('the engine did not start');
  return value;
}
