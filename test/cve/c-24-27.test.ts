/**
 * What of the engine others can reach. C-24, CVE-2020-15257: sockets without a file. C-25, CVE-2024-25621: directories
 * that others may enter. C-26, CVE-2021-41091: programs of images below them. C-27, CVE-2025-23266: helpers that obey
 * the environment of an image.
 */
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  lstatSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';

import { beforeAll, describe, expect, test } from 'vitest';

import { absentForDocker, useDockerEngine } from '../lib/docker-engine.ts';
import { command } from '../lib/engine.ts';
import { createQuick, execOnce, outputOf, runOnce, shell } from './containers.ts';
import { makeImage } from './image.ts';
import { enginePid } from './traced.ts';

const title = `what is exposed (missing: ${absentForDocker.join() || 'nothing'})`;

describe.skipIf(absentForDocker.length > 0)(title, () => {
  const tools = useDockerEngine();

  beforeAll(() => {
    // The temporary directory itself keeps everybody out: what is looked at here are the engine's own.
    chmodSync(tools.engine.root, 0o755);
  });

  const parentOf = (pid: string | number): number =>
    Number(/^PPid:\s*(\d+)$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);

  async function started(
    request: Parameters<typeof createQuick>[1] = { Cmd: shell('sleep 1000') },
  ): Promise<{ readonly id: string; readonly pid: number; readonly shim: number }> {
    const id = await createQuick(tools.engine.client, request);
    await tools.engine.client.containers.start(id);
    const { State } = await tools.engine.client.containers.inspect(id);
    return { id, pid: State.Pid, shim: parentOf(State.Pid) };
  }

  /** In the network namespace of this run there is one. */
  function resolver(): number {
    const ours = readlinkSync('/proc/self/ns/net');
    const found = readdirSync('/proc').filter((name) => {
      try {
        return (
          /^\d+$/.test(name) &&
          readlinkSync(`/proc/${name}/ns/net`) === ours &&
          readFileSync(`/proc/${name}/cmdline`, 'utf8').startsWith('tscompose-resolver')
        );
      } catch {
        return false;
      }
    });
    expect(found).toHaveLength(1);
    return Number(found[0]);
  }

  /** setpriv(1) itself still holds the capabilities of root when it executes a program. */
  const asNobody = (...args: readonly string[]): ReturnType<typeof command> =>
    command('setpriv', [
      ...['--reuid=65534', '--regid=65534', '--clear-groups'],
      ...['sh', '-c', 'exec "$@"', 'sh', ...args],
    ]);

  describe('C-24, CVE-2020-15257: no socket of ours must be abstract', () => {
    /** Names of the sockets that a process has open. */
    function namesOf(pid: number): readonly string[] {
      const inodes = new Set(
        readdirSync(`/proc/${pid}/fd`).flatMap((fd) => {
          try {
            return /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/${pid}/fd/${fd}`))?.[1] ?? [];
          } catch {
            return [];
          }
        }),
      );
      return readFileSync(`/proc/${pid}/net/unix`, 'utf8')
        .trim()
        .split('\n')
        .map((line) => line.trim().split(/\s+/))
        .filter((fields) => inodes.has(fields[6] ?? ''))
        .flatMap((fields) => fields[7] ?? []);
    }

    test.each(['engine', 'shim'] as const)('of the %s', async (which) => {
      const { shim } = await started();
      const names = namesOf(which === 'engine' ? enginePid(tools.engine) : shim);
      expect(names.filter((name) => !name.startsWith(tools.engine.runRoot))).toEqual([]);
      // It does listen.
      expect(names.length).toBeGreaterThan(0);
    });

    test('of the resolver', async () => {
      await tools.docker.ok('network', 'create', 'resolved');
      const { id } = await started({
        Cmd: shell('sleep 1000'),
        HostConfig: { NetworkMode: 'resolved' },
      });
      const names = namesOf(resolver());
      expect(names.filter((name) => !name.startsWith(tools.engine.runRoot))).toEqual([]);
      await tools.engine.client.containers.remove(id, { force: true });
      await tools.docker.ok('network', 'rm', 'resolved');
    });

    test('that a container in the host’s network sees', async () => {
      const { output } = await runOnce(tools.engine.client, {
        Cmd: shell('grep "@.*tscompose" /proc/net/unix; grep -c . /proc/net/unix'),
        HostConfig: { NetworkMode: 'host' },
      });
      expect(output).toMatch(/^\d+\n$/);
    });
  });

  describe('C-25, CVE-2024-25621: nobody else must get into the engine’s directories', () => {
    test.each(['state', 'run'])('%s', async (name) => {
      await started();
      const root = join(tools.engine.root, name);
      expect(statSync(root).mode & 0o777).toBe(0o700);
      const inside = readdirSync(root)
        .map((entry) => join(root, entry))
        .filter((path) => lstatSync(path).isDirectory());
      expect(inside.length).toBeGreaterThan(0);
      for (const path of inside) expect([path, statSync(path).mode & 0o777]).toEqual([path, 0o700]);
    });

    test('nor read its files, or connect to its sockets', async () => {
      const { shim } = await started();
      const files = execFileSync('find', [tools.engine.runRoot, '-type', 's', '-o', '-type', 'f'], {
        encoding: 'utf8',
      })
        .split('\n')
        .filter((path) => path !== '');
      expect(files).toContain(tools.engine.socket);
      for (const path of files) {
        const { code } = await asNobody('test', '-r', path);
        expect([path, code]).toEqual([path, 1]);
      }
      expect((await asNobody('ls', `/proc/${shim}/fd`)).code).not.toBe(0);
    });
  });

  describe('C-26, CVE-2021-41091: no local user must execute what is an image’s', () => {
    /** Where a file of this name lies below the engine's directories. */
    function copiesOf(file: string): readonly string[] {
      const roots = [tools.engine.stateRoot, tools.engine.runRoot];
      return execFileSync('find', [...roots, '-name', file, '-type', 'f'], { encoding: 'utf8' })
        .split('\n')
        .filter((path) => path !== '');
    }

    async function expectClosed(file: string): Promise<void> {
      const found = copiesOf(file);
      expect(found.length).toBeGreaterThan(0);
      for (const path of found) {
        expect(statSync(path).mode & 0o4111).toBe(0o4111);
        const seen = await asNobody(path, 'id', '-u');
        expect([path, seen.code, seen.stdout]).toEqual([path, expect.any(Number), '']);
        expect(seen.stderr).toContain('Permission denied');
      }
    }

    test('of a layer', async () => {
      await makeImage(tools.docker, tools.engine.root, (root) => {
        writeFileSync(join(root, 'in-layer'), readFileSync('/bin/busybox'));
        chmodSync(join(root, 'in-layer'), 0o4755);
      });
      await expectClosed('in-layer');
    });

    test.each([
      ['of a container’s changes', '/in-upper', 'in-upper'],
      ['of a volume', '/volume/in-volume', 'in-volume'],
    ])('%s', async (_, path, file) => {
      const script = `cp /bin/busybox ${path} && chmod 4755 ${path} && exec sleep 1000`;
      const { id } = await started({ Cmd: shell(script), Volumes: { '/volume': {} } });
      const listed = shell(`until [ -u ${path} ]; do :; done`);
      await execOnce(tools.engine.client, id, { Cmd: listed });
      await expectClosed(file);
    });
  });

  describe('C-27, CVE-2025-23266: the image’s environment must reach its program alone', () => {
    const names = ['LD_PRELOAD', 'LD_LIBRARY_PATH', 'NODE_OPTIONS', 'BASH_ENV', 'GCONV_PATH'];
    const Env = names.map((name) => `${name}=/evil.so`);
    const environment = (pid: number): string => readFileSync(`/proc/${pid}/environ`, 'utf8');

    test.each([
      ['not the shim', {}],
      ['not the shim of one with an init', { Init: true }],
    ])('%s', async (_, HostConfig) => {
      const { shim, pid } = await started({ Cmd: shell('exec sleep 1000'), Env, HostConfig });
      expect(environment(shim)).not.toContain('evil');
      expect(readFileSync(`/proc/${shim}/comm`, 'utf8')).toBe('tscompose-shim\n');
      if (!('Init' in HostConfig)) expect(environment(pid)).toContain('evil');
    });

    test('not the init', async () => {
      const { pid } = await started({
        Cmd: shell('exec sleep 1000'),
        Env,
        HostConfig: { Init: true },
      });
      expect(readFileSync(`/proc/${pid}/comm`, 'utf8')).toBe('docker-init\n');
      expect(environment(pid)).not.toContain('evil');
    });

    test('not the host’s ps', async () => {
      const { id } = await started({ Cmd: shell('exec sleep 1000'), Env });
      const top = await tools.docker.ok('top', id, '-e', '-o', 'pid,args', 'e');
      expect(top).toContain('sleep');
      const own = top.split('\n').find((line) => / ps .*pid,args/.test(line)) ?? '';
      expect(own).not.toContain('evil');
    });

    test('and that of an exec its program', async () => {
      const { id, shim } = await started();
      const { output } = await execOnce(tools.engine.client, id, {
        Cmd: shell('echo $LD_PRELOAD; grep -c evil /proc/self/environ'),
        ...{ Env },
      });
      expect(output).toContain('/evil.so');
      expect(environment(shim)).not.toContain('evil');
      expect(await outputOf(tools.engine.client, id)).toBe('');
    });
  });
});
