/**
 * C-01, CVE-2019-5736: a container gets hold of the program that starts containers, through /proc/PID/exe of a process
 * that is about to become the image's, and writes to it as soon as nobody executes it.
 *
 * The shim stays for as long as its container, and a file that is executed cannot be opened for writing. So the
 * attacker here outlives an engine: its own shim is the file of the engine before, and of the next engine's file there
 * are moments at which nobody executes it.
 */
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { shimPath } from '../../native/index.ts';
import { eventually } from '../lib/eventually.ts';
import { missing } from '../lib/requires.ts';
import { compile, createQuick, outputOf, runOnce, shell } from './containers.ts';
import { absentForDocker, useDockerEngine } from '../lib/docker-engine.ts';
import { makeImage } from './image.ts';
import { tempDir, type TempDir } from '../lib/temp-dir.ts';

const absent = [...absentForDocker, ...missing('cc')];

describe.skipIf(absent.length > 0)(
  `the shim's file (missing: ${absent.join() || 'nothing'})`,
  () => {
    const tools = useDockerEngine();
    let dir: TempDir;
    let image = '';

    beforeAll(async () => {
      dir = await tempDir();
      const program = compile('overwrite', dir.path);
      image = await makeImage(tools.docker, dir.path, (root) => {
        writeFileSync(join(root, 'overwrite'), readFileSync(program), { mode: 0o755 });
        writeFileSync(join(root, 'script'), '#!/proc/self/exe\n', { mode: 0o755 });
      });
    });
    afterAll(async () => {
      await dir[Symbol.asyncDispose]();
    });

    const digest = (path: string): string =>
      createHash('sha256').update(readFileSync(path)).digest('hex');

    /** What a container that is started now was started with. */
    async function executed(): Promise<string> {
      const id = await createQuick(tools.engine.client, { Cmd: shell('sleep 1000') });
      await tools.engine.client.containers.start(id);
      const { State } = await tools.engine.client.containers.inspect(id);
      const status = readFileSync(`/proc/${State.Pid}/status`, 'utf8');
      const found = digest(`/proc/${/^PPid:\s*(\d+)$/m.exec(status)?.[1] ?? ''}/exe`);
      await tools.engine.client.containers.remove(id, { force: true });
      return found;
    }

    describe('C-01, CVE-2019-5736: what containers are started with must stay as it was', () => {
      test.each([
        ['/proc/self/exe as the program', ['/proc/self/exe'], []],
        ['a script whose interpreter is /proc/self/exe', ['/script'], []],
        ['an attacker that may trace', ['/proc/self/exe'], ['SYS_PTRACE']],
      ])('%s', async (_, command, capabilities) => {
        const original = digest(shimPath());
        const attacker = await createQuick(tools.engine.client, {
          Image: image,
          Cmd: ['/overwrite'],
          HostConfig: { CapAdd: capabilities },
        });
        await tools.engine.client.containers.start(attacker);
        await tools.engine.kill();
        await tools.engine.start();
        const { client } = tools.engine;
        const victim = {
          Image: image,
          Cmd: command,
          HostConfig: { PidMode: `container:${attacker}`, CapAdd: capabilities },
        };
        const seen = await eventually(
          async () => {
            await runOnce(client, victim);
            const output = await outputOf(client, attacker);
            // The race is won, and tried to its end.
            expect(output).toMatch(/^(written|opened, but not written|not opened: .*)$/m);
            return output;
          },
          { timeoutMs: 60_000 },
        );
        expect(seen).toContain('caught');
        expect(seen).not.toContain('\nwritten');
        expect(await executed()).toBe(original);
        expect(digest(shimPath())).toBe(original);
        expect(await runOnce(client, { Cmd: shell('echo runs') })).toEqual({
          code: 0,
          output: 'runs\n',
        });
      });
    });
  },
);
