/** An engine with an image of a few files, and a directory on the host to copy from and to. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { expectNoLeaks, takeAudit, type Audit } from '../lib/audit.ts';
import { dockerCli, type DockerCli } from '../lib/docker-cli.ts';
import { TestEngine } from '../lib/engine.ts';

/** How the container is when files are copied. */
export const conditions = ['created', 'running', 'paused', 'exited'] as const;
export type Condition = (typeof conditions)[number];

export type TestContainer = AsyncDisposable & { readonly id: string };

export class FilesFixture implements AsyncDisposable {
  readonly engine: TestEngine;
  readonly docker: DockerCli;
  readonly #before: Audit;

  private constructor(engine: TestEngine, before: Audit) {
    this.engine = engine;
    this.#before = before;
    this.docker = dockerCli({
      address: `unix://${engine.socket}`,
      configDirectory: join(engine.root, 'docker'),
    });
  }

  /** The image is `app`. */
  static async open(): Promise<FilesFixture> {
    const engine = await TestEngine.create();
    const before = await takeAudit(engine.scope);
    await engine.start();
    const fixture = new FilesFixture(engine, before);
    const tree = join(engine.root, 'tree');
    mkdirSync(join(tree, 'bin'), { recursive: true });
    mkdirSync(join(tree, 'etc'));
    mkdirSync(join(tree, 'dir/sub'), { recursive: true });
    writeFileSync(join(tree, 'etc/passwd'), 'root:x:0:0::/:/bin/sh\nweb:x:101:102::/:/bin/sh\n');
    writeFileSync(join(tree, 'file'), 'content\n');
    writeFileSync(join(tree, 'dir/one'), 'one\n');
    writeFileSync(join(tree, 'dir/sub/two'), 'two\n');
    symlinkSync('dir', join(tree, 'link'));
    symlinkSync('/nowhere', join(tree, 'dangling'));
    const script = 'cp /bin/busybox bin/ && tar -c --owner=0 --group=0 .';
    const archive = execFileSync('sh', ['-c', script], { maxBuffer: 64 << 20, cwd: tree });
    const entrypoint = 'ENTRYPOINT ["/bin/busybox"]';
    await fixture.docker.runWithInput(archive, 'import', '--change', entrypoint, '-', 'app');
    return fixture;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.engine[Symbol.asyncDispose]();
    await expectNoLeaks(this.#before, this.engine.scope);
  }

  get place(): string {
    return join(this.engine.root, 'place');
  }

  /** Puts the same few things into the host's directory. */
  reset(): void {
    rmSync(this.place, { recursive: true, force: true });
    mkdirSync(this.path('tree/inner'), { recursive: true });
    writeFileSync(this.path('tree/a'), 'a\n');
    writeFileSync(this.path('tree/inner/b'), 'b\n');
    writeFileSync(this.path('plain'), 'plain\n');
    symlinkSync('plain', this.path('to-plain'));
  }

  path(name: string): string {
    return join(this.place, name);
  }

  read(name: string): string {
    return readFileSync(this.path(name), 'utf8');
  }

  async made(condition: Condition, ...options: readonly string[]): Promise<TestContainer> {
    const { docker } = this;
    const script = 'trap "exit 0" TERM; echo changed >/written; while :; do sleep 0.05; done';
    const id = await docker.ok('create', ...options, 'app', 'sh', '-c', script);
    if (condition !== 'created') await docker.ok('start', id);
    if (condition === 'paused') await docker.ok('pause', id);
    if (condition === 'exited') await docker.ok('stop', id);
    return {
      id,
      [Symbol.asyncDispose]: async () => {
        await docker.run('rm', '-fv', id);
      },
    };
  }

  /** The content of a file of the container's. */
  async copiedOut(id: string, from: string): Promise<string> {
    rmSync(this.path('back'), { recursive: true, force: true });
    await this.docker.ok('cp', `${id}:${from}`, this.path('back'));
    return this.read('back');
  }

  /** What `docker cp CONTAINER:PATH -` prints. */
  archive(id: string, from: string): Buffer {
    return execFileSync('docker', ['cp', `${id}:${from}`, '-'], {
      maxBuffer: 64 << 20,
      env: { ...process.env, DOCKER_HOST: `unix://${this.engine.socket}` },
    });
  }
}
