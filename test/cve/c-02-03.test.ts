/**
 * C-02, CVE-2024-21626: a working directory that is named by a descriptor of the runtime's leads out of the container.
 * C-03, CVE-2016-9962: a program that joins a container is taken over while it still holds what is the host's.
 */
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { eventually } from '../lib/eventually.ts';
import { absentForDocker, useDockerEngine } from '../lib/docker-engine.ts';
import { missing } from '../lib/requires.ts';
import { tempDir, type TempDir } from '../lib/temp-dir.ts';
import {
  compile,
  createQuick,
  execOnce,
  outputOf,
  runOnce,
  shell,
  together,
} from './containers.ts';
import { makeImage } from './image.ts';
import { iterations } from './racer.ts';

const absent = [...absentForDocker, ...missing('cc')];

describe.skipIf(absent.length > 0)(`joining (missing: ${absent.join() || 'nothing'})`, () => {
  const tools = useDockerEngine();
  let dir: TempDir;

  beforeAll(async () => {
    dir = await tempDir();
    chmodSync(dir.path, 0o755);
    mkdirSync(join(dir.path, 'canary'));
    writeFileSync(join(dir.path, 'canary/secret'), 'SECRET OF THE HOST');
  });
  afterAll(async () => {
    await dir[Symbol.asyncDispose]();
  });

  describe('C-02, CVE-2024-21626: the working directory must lie inside', () => {
    const numbers = Array.from({ length: 62 }, (_, index) => index + 3);
    const suffixes = ['', '/..', '/../../..', '/.'];

    /** Says so unless the root is where every ".." ends, and tries to read the host's file on the way. */
    function probe(): readonly string[] {
      const up = Array.from({ length: 40 }, (_, count) => '../'.repeat(count + 1));
      const secret = join(dir.path, 'canary/secret');
      const tries = up.map((prefix) => `cat ${prefix}${secret.slice(1)} 2>/dev/null`).join('; ');
      return shell(
        `[ "$(stat -c %d:%i ${up.at(-1) ?? ''})" = "$(stat -c %d:%i /)" ] || echo outside; ${tries}; true`,
      );
    }

    test('of a container', async () => {
      const { client } = tools.engine;
      const below = numbers.slice(0, 12).flatMap((number) => suffixes.map((s) => `${number}${s}`));
      await together(new Set([...below, ...numbers.map(String)]), async (name) => {
        const WorkingDir = `/proc/self/fd/${name}`;
        const { output } = await runOnce(client, { Cmd: probe(), WorkingDir });
        expect(output).not.toMatch(/^outside$|SECRET/m);
      });
    });

    test('of an image, also by a link', async () => {
      const { client } = tools.engine;
      for (const number of numbers.slice(0, 10)) {
        const root = join(dir.path, `image-${number}`);
        mkdirSync(join(root, 'bin'), { recursive: true });
        writeFileSync(join(root, 'bin/busybox'), readFileSync('/bin/busybox'), { mode: 0o755 });
        symlinkSync(`/proc/self/fd/${number}`, join(root, 'work'));
        const archive = execFileSync('tar', ['-C', root, '-c', '.'], { maxBuffer: 64 << 20 });
        const change = ['--change', 'WORKDIR /work'];
        const name = `linked-${number}`;
        await tools.docker.runWithInput(archive, 'import', ...change, '-', name);
        const { output } = await runOnce(client, { Image: name, Cmd: probe() });
        expect(output).not.toMatch(/^outside$|SECRET/m);
      }
    });

    test('of an exec', async () => {
      const { client } = tools.engine;
      const id = await createQuick(client, { Cmd: shell('sleep 1000') });
      await client.containers.start(id);
      const all = numbers.flatMap((number) => suffixes.map((suffix) => `${number}${suffix}`));
      await together(all, async (name) => {
        const WorkingDir = `/proc/self/fd/${name}`;
        const { output } = await execOnce(client, id, { Cmd: probe(), WorkingDir });
        expect(output).not.toMatch(/^outside$|SECRET/m);
      });
    });

    test('with a descriptor that leads inside, or none, nothing is wrong', async () => {
      const { client } = tools.engine;
      const seen = await runOnce(client, { Cmd: probe(), WorkingDir: '/proc/self' });
      expect(seen).toEqual({ code: 0, output: '' });
    });
  });

  describe('C-03, CVE-2016-9962: what joins must not be traced while it holds anything', () => {
    let image = '';

    beforeAll(async () => {
      const program = compile('tracer', dir.path);
      image = await makeImage(tools.docker, dir.path, (root) => {
        writeFileSync(join(root, 'tracer'), readFileSync(program), { mode: 0o755 });
      });
    });

    interface Met {
      readonly refused: number;
      readonly early: number;
      readonly late: number;
      readonly held: string;
    }

    /** What the container's first process got of programs that were run beside it. */
    async function race(
      times: number,
      capabilities: readonly string[],
      exec: { readonly User?: string; readonly Tty?: boolean },
    ): Promise<Met> {
      const { client } = tools.engine;
      const id = await createQuick(client, {
        Image: image,
        Cmd: ['/tracer'],
        HostConfig: { CapAdd: capabilities },
      });
      await client.containers.start(id);
      await eventually(async () => {
        expect(await outputOf(client, id)).toBe('ready\n');
      });
      await together(Array(times), async () => {
        const { Id } = await client.execs.create(id, { Cmd: ['/bin/busybox', 'true'], ...exec });
        await client.execs.startDetached(Id);
      });
      await client.containers.stop(id);
      const output = await outputOf(client, id);
      const count = (name: string): number =>
        Number(new RegExp(`^${name} (\\d+)$`, 'm').exec(output)?.[1]);
      const held = (output.match(/^held .*$/gm) ?? []).join('\n');
      return { refused: count('refused'), early: count('early'), late: count('late'), held };
    }

    test.each([
      ['root', iterations, {}],
      ['with a terminal', iterations / 5, { Tty: true }],
      ['another user', iterations / 5, { User: '1000' }],
    ])('%s, by the container’s root: only as the image’s program', async (_, times, exec) => {
      const met = await race(times, [], exec);
      expect(met).toMatchObject({ early: 0, held: '' });
      // It was there to be had, and was asked for.
      expect(met.refused).toBeGreaterThan(0);
    });

    test('by who may trace everything: it holds nothing of the host', async () => {
      const met = await race(iterations / 5, ['SYS_PTRACE'], {});
      expect(met.held).toBe('');
      expect(met.early).toBeGreaterThan(0);
    });
  });
});
