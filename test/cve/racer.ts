/**
 * Containers that race against the engine, and a directory of the host's that must stay as it is. Image `app` has
 * busybox, and `exchange A B COUNT`, which exchanges two names until it is killed.
 */
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import type { EngineClient } from '../../engine/client/index.ts';
import { encodeTarHeader, paddingOf, tarEnd } from '../../engine/client/index.ts';
import { FilesFixture, type TestContainer } from '../conformance/files-fixture.ts';
import { missing, type Requirement } from '../lib/requires.ts';
import { compile } from './containers.ts';

/** In CI; a nightly run takes as many as it likes. */
export const iterations: number = Number(process.env['CVE_ITERATIONS'] ?? '500');

/** A mount for each request, on a machine that does other things as well. */
export const patienceMs = 300_000;

export const absent: readonly Requirement[] = missing(
  ...(['root', 'overlayfs', 'nftables', 'docker', 'busybox', 'cc'] as const),
);

export class Race implements AsyncDisposable {
  readonly files: FilesFixture;
  readonly client: EngineClient;

  private constructor(files: FilesFixture) {
    this.files = files;
    this.client = files.engine.client;
  }

  static async open(): Promise<Race> {
    const files = await FilesFixture.open();
    const race = new Race(files);
    race.reset();
    compile('exchange', files.engine.root);
    return race;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.client.close();
    await this.files[Symbol.asyncDispose]();
  }

  /** A directory of the host with one file. */
  get canary(): string {
    return join(this.files.engine.root, 'canary');
  }

  get program(): string {
    return join(this.files.engine.root, 'exchange');
  }

  /** Before each test, so that one that finds damage is not the reason why the next one does. */
  reset(): void {
    rmSync(this.canary, { recursive: true, force: true });
    mkdirSync(this.canary);
    writeFileSync(join(this.canary, 'secret'), hostSecret);
    this.files.reset();
  }

  /** What of the host's directory is not as it was. */
  damage(): readonly string[] {
    const content = readFileSync(join(this.canary, 'secret'), 'utf8');
    const names = readdirSync(this.canary).filter((name) => name !== 'secret');
    return content === hostSecret ? names : [...names, 'secret'];
  }

  /** Runs `script` and then exchanges the two names for as long as it lives. */
  async racer(
    [first, second]: readonly [string, string],
    script: string,
    ...options: readonly string[]
  ): Promise<TestContainer> {
    const { docker } = this.files;
    const command = `${script}\ntouch /ready && exec /exchange ${first} ${second} /count`;
    const id = await docker.ok('create', ...options, 'app', 'sh', '-ec', command);
    await docker.ok('cp', this.program, `${id}:/exchange`);
    await docker.ok('start', id);
    for (;;) {
      if ((await docker.run('cp', `${id}:/ready`, '-')).code === 0) break;
      const state = await docker.ok('inspect', '-f', '{{.State.Status}}', id);
      if (state !== 'running') throw new Error((await docker.run('logs', id)).stderr);
    }
    return {
      id,
      [Symbol.asyncDispose]: async () => {
        await docker.run('rm', '-fv', id);
      },
    };
  }

  /** How often it has exchanged the two names; throws when it has stopped, as a race that has ended proves nothing. */
  async exchanges(id: string): Promise<number> {
    const { State } = await this.client.containers.inspect(id);
    if (!State.Running) throw new Error(`nobody races any more: ${State.ExitCode}`);
    const archive = Buffer.from((await this.read(id, '/count')) ?? '', 'latin1');
    // Behind the header of the archive.
    return Number(archive.readBigUInt64LE(512));
  }

  /** The whole archive of a path, or null where there is nothing. */
  async read(id: string, path: string): Promise<string | null> {
    try {
      const chunks: Uint8Array[] = [];
      const { archive } = await this.client.archives.read(id, path);
      for await (const chunk of archive) chunks.push(chunk);
      return Buffer.concat(chunks).toString('latin1');
    } catch {
      return null;
    }
  }
}

export const hostSecret = 'SECRET OF THE HOST';

/** An archive of one file. */
export async function* oneFile(name: string, content: string): AsyncGenerator<Uint8Array> {
  await Promise.resolve();
  const sizeBytes = Buffer.byteLength(content);
  const owner = { mode: 0o644, uid: 0, gid: 0, mtimeNs: 0n };
  yield encodeTarHeader({ ...owner, name, type: 'file', sizeBytes });
  yield Buffer.concat([Buffer.from(content), Buffer.alloc(paddingOf(sizeBytes)), tarEnd]);
}
