/**
 * Sandboxes by the shim alone, hundreds a second, while a process exchanges two names in a directory that is bound into
 * each of them; and a directory of the host's that must stay as it is.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { ShimError } from '../../engine/runtime/shim.ts';
import { eventually } from '../lib/eventually.ts';
import { tempDir, type TempDir } from '../lib/temp-dir.ts';
import { makeBox, mount, run, type SpecChange } from '../integration/runtime/support.ts';
import { compile } from './containers.ts';
import { hostSecret } from './racer.ts';

export class SandboxRace implements AsyncDisposable {
  readonly #dir: TempDir;
  readonly #program: string;
  #racer: ChildProcess | null = null;

  private constructor(dir: TempDir) {
    this.#dir = dir;
    this.#program = compile('exchange', dir.path);
  }

  static async open(): Promise<SandboxRace> {
    return new SandboxRace(await tempDir());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    await this.#dir[Symbol.asyncDispose]();
  }

  /** A directory of the host with one file. */
  get canary(): string {
    return join(this.#dir.path, 'canary');
  }

  /** What the sandboxes share. */
  get shared(): string {
    return join(this.#dir.path, 'shared');
  }

  /** Makes what `fill` puts into the shared directory, and begins to exchange `place` and `link` in it. */
  async start(fill: (shared: string) => void): Promise<void> {
    await this.stop();
    for (const path of [this.canary, this.shared, join(this.#dir.path, 'count')])
      rmSync(path, { recursive: true, force: true });
    mkdirSync(this.canary);
    writeFileSync(join(this.canary, 'secret'), hostSecret);
    mkdirSync(this.shared);
    fill(this.shared);
    const names = ['place', 'link'].map((name) => join(this.shared, name));
    this.#racer = spawn(this.#program, [...names, join(this.#dir.path, 'count')]);
    await eventually(() => {
      if (this.exchanges() === 0) throw new Error('nobody races');
    });
  }

  async stop(): Promise<void> {
    const racer = this.#racer;
    this.#racer = null;
    if (racer === null || racer.exitCode !== null) return;
    racer.kill('SIGKILL');
    await new Promise((resolve) => racer.once('exit', resolve));
  }

  exchanges(): number {
    if (this.#racer?.exitCode != null) throw new Error('nobody races any more');
    return Number(readFileSync(join(this.#dir.path, 'count')).readBigUInt64LE(0));
  }

  damage(): readonly string[] {
    const content = readFileSync(join(this.canary, 'secret'), 'utf8');
    const names = readdirSync(this.canary).filter((name) => name !== 'secret');
    return content === hostSecret ? names : [...names, 'secret'];
  }

  /** What a sandbox prints that has the shared directory at `target`; null when it was not built. */
  async run(target: string, script: string, change: SpecChange = {}): Promise<string | null> {
    const dir = join(this.#dir.path, 'box');
    const { spec } = makeBox(dir, ['sh', '-c', script], change);
    rmSync(spec.log.path, { force: true });
    const shared = mount('bind', target, { source: this.shared });
    const [more, others] = [change.mounts ?? [], spec.mounts];
    try {
      const mounts = [...(change.mounts === undefined ? others : base(dir)), shared, ...more];
      const { stdout, stderr } = await run({ ...spec, mounts });
      return stdout + stderr;
    } catch (error) {
      if (error instanceof ShimError) return null;
      throw error;
    }
  }
}

/** What every box has. */
function base(dir: string): readonly ReturnType<typeof mount>[] {
  return makeBox(dir, ['true']).spec.mounts;
}
