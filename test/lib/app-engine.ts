/** An engine with the image `app`, which is a shell of busybox, and the real `docker` command beside it. */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';

import { expectNoLeaks, takeAudit } from './audit.ts';
import { dockerCli, type DockerCli } from './docker-cli.ts';
import { TestEngine } from './engine.ts';

export interface AppEngine extends AsyncDisposable {
  readonly engine: TestEngine;
  readonly docker: DockerCli;
  /** Removes every container. */
  clear(): Promise<void>;
}

/** At its end nothing of the engine may be left. */
export async function appEngine(programs: readonly string[]): Promise<AppEngine> {
  const engine = await TestEngine.create();
  const before = await takeAudit(engine.scope);
  await engine.start();
  const docker = dockerCli({
    address: `unix://${engine.socket}`,
    configDirectory: join(engine.root, 'docker'),
  });
  const tree = join(engine.root, 'tree');
  execFileSync('sh', ['-c', `mkdir -p ${tree}/bin && cp /bin/busybox ${tree}/bin/`]);
  for (const name of programs) execFileSync('ln', ['-s', 'busybox', `${tree}/bin/${name}`]);
  const tar = execFileSync('tar', ['-C', tree, '-c', '.'], { maxBuffer: 64 << 20 });
  await docker.runWithInput(tar, 'import', '-', 'app');
  return {
    engine,
    docker,
    clear: async () => {
      const left = (await docker.ok('ps', '-aq')).split('\n').filter((id) => id !== '');
      if (left.length > 0) await docker.ok('rm', '-f', '-v', ...left);
    },
    [Symbol.asyncDispose]: async () => {
      await engine[Symbol.asyncDispose]();
      await expectNoLeaks(before, engine.scope);
    },
  };
}
