/** The run root is gone and the state root is not: after a reboot, or because somebody has emptied /run. */
import { execFileSync, spawnSync } from 'node:child_process';
import {
  existsSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { eventually } from '../../lib/eventually.ts';
import { absent, obedient, runReady, sh, state, useEngine } from './support.ts';

/** Never ends by itself. */
const lasting = sh('echo ready; exec sleep 1000');

describe.skipIf(absent.length > 0)(
  `an engine whose run root was emptied (missing: ${absent.join() || 'nothing'})`,
  () => {
    const subject = useEngine();

    function groups(): readonly string[] {
      const { instance } = subject().engine;
      return ['.', ...readdirSync('/sys/fs/cgroup')]
        .map((name) => join('/sys/fs/cgroup', name, instance))
        .filter((path) => existsSync(path));
    }

    function parentOf(pid: number): number {
      return Number(readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ')[1]);
    }

    /** SIGKILL, and waits for the end. */
    async function end(pid: number): Promise<void> {
      process.kill(pid, 'SIGKILL');
      await eventually(() => {
        const isZombie = /^State:\tZ/m.test(statusOf(pid));
        expect(isZombie || statusOf(pid) === '').toBe(true);
      });
    }

    function statusOf(pid: number): string {
      try {
        return readFileSync(`/proc/${pid}/status`, 'utf8');
      } catch {
        return '';
      }
    }

    async function pidOf(id: string): Promise<number> {
      return (await subject().client.containers.inspect(id)).State.Pid;
    }

    function emptyRunRoot(): void {
      const { runRoot } = subject().engine;
      const mounts = readFileSync('/proc/self/mounts', 'utf8')
        .split('\n')
        .map((line) => line.split(' ')[1] ?? '')
        .filter((path) => path.startsWith(`${runRoot}/`));
      for (const path of mounts.reverse()) execFileSync('umount', ['--lazy', path]);
      // A host that forwards because of the engine does not after a reboot; nobody else can tell why it does.
      if (existsSync(join(runRoot, 'records/forwarding/host.json')))
        writeFileSync('/proc/sys/net/ipv4/ip_forward', '0');
      for (const name of readdirSync(runRoot))
        rmSync(join(runRoot, name), { recursive: true, force: true });
    }

    function links(): readonly string[] {
      const text = execFileSync('ip', ['-br', 'link'], { encoding: 'utf8' });
      return [...text.matchAll(/^(tsc[^\s@]+)/gm)].map(([, name = '']) => name);
    }

    /** What a kernel that begins anew does not have. */
    async function removeKernelObjects(): Promise<void> {
      const { instance } = subject().engine;
      const tables = execFileSync('nft', ['list', 'tables'], { encoding: 'utf8' });
      for (const [, family = '', name = ''] of tables.matchAll(/^table (\w+) (\S+)$/gm)) {
        if (name === instance) execFileSync('nft', ['delete', 'table', family, name]);
      }
      // Ends of pairs go by themselves, with namespaces that the kernel ends in the background.
      await eventually(() => {
        for (const name of links()) spawnSync('ip', ['link', 'delete', name], { stdio: 'ignore' });
        expect(links()).toEqual([]);
      });
      await eventually(() => {
        for (const group of groups()) {
          const found = execFileSync('find', [group, '-depth', '-type', 'd'], { encoding: 'utf8' });
          for (const path of found.trim().split('\n')) rmdirSync(path);
        }
      });
    }

    /** In the network namespace of this run there is no other. */
    function resolvers(): readonly number[] {
      const isOurs = (pid: string): boolean => {
        try {
          return (
            readFileSync(`/proc/${pid}/cmdline`, 'utf8').startsWith('tscompose-resolver') &&
            readlinkSync(`/proc/${pid}/ns/net`) === readlinkSync('/proc/self/ns/net')
          );
        } catch {
          return false;
        }
      };
      return readdirSync('/proc')
        .filter((name) => /^\d+$/.test(name) && isOurs(name))
        .map(Number);
    }

    test('must after a reboot restart what its policies say, on the networks that there were', async () => {
      const { client, engine } = subject();
      await client.networks.create({ Name: 'lab' });
      const network = (await client.networks.list()).find(({ Name }) => Name === 'lab');
      const on = (Name: string) => ({
        HostConfig: {
          RestartPolicy: { Name },
          NetworkMode: 'lab',
          Binds: ['kept:/data'],
          ...(Name === 'always' && { PortBindings: { '80/tcp': [{ HostPort: '18082' }] } }),
        },
      });
      const names = ['no', 'always', 'unless-stopped', 'on-failure'];
      const ids: string[] = [];
      for (const name of names) ids.push(await runReady(subject(), lasting, on(name)));
      const [no = '', always = '', unlessStopped = '', onFailure = ''] = ids;
      await client.containers.kill(unlessStopped);
      const before = await client.containers.inspect(always);
      const programs = await Promise.all([no, always, onFailure].map(pidOf));
      const shims = programs.map(parentOf);
      const others = [await engine.pid(), ...resolvers()];
      for (const pid of [...others, ...shims]) await end(pid);
      await eventually(() => {
        expect(programs.filter((pid) => statusOf(pid) !== '')).toEqual([]);
      });
      emptyRunRoot();
      await removeKernelObjects();
      await engine.start();
      expect(await state(subject(), no)).toBe('exited 255');
      expect(await state(subject(), unlessStopped)).toBe('exited 137');
      await eventually(async () => {
        expect(await state(subject(), always)).toBe('running');
        expect(await state(subject(), onFailure)).toBe('running');
      });
      const after = await client.containers.inspect(always);
      expect(after.NetworkSettings.Ports).toEqual(before.NetworkSettings.Ports);
      expect(after.Mounts).toEqual(before.Mounts);
      const found = (await client.networks.list()).find(({ Name }) => Name === 'lab');
      expect([found?.Id, found?.IPAM]).toEqual([network?.Id, network?.IPAM]);
      const address = after.NetworkSettings.Networks['lab']?.IPAddress ?? '';
      expect(address).toMatch(/^\d+\.\d+\.\d+\.\d+$/);
      expect(execFileSync('ip', ['route', 'get', address], { encoding: 'utf8' })).toContain(
        `dev tsc${network?.Id.slice(0, 12) ?? ''}`,
      );
      const name = after.Name.slice(1);
      let answer = '';
      const { exitCode } = await client.execs.run(
        onFailure,
        { Cmd: ['getent', 'ahostsv4', name] },
        { onOutput: (_stream, bytes) => (answer += Buffer.from(bytes).toString()) },
      );
      expect([exitCode, answer.split(/\s/)[0]]).toEqual([0, address]);
      expect(execFileSync('nft', ['list', 'ruleset'], { encoding: 'utf8' })).toContain('18082');
      // The bridge that was there before is made with its first container.
      await runReady(subject(), lasting);
    });

    test('must not leave two of a container whose shim lives on out of reach', async () => {
      const { engine } = subject();
      const policy = { HostConfig: { RestartPolicy: { Name: 'always' } } };
      const restarted = await runReady(subject(), obedient, policy);
      const left = await runReady(subject(), obedient);
      const programs = await Promise.all([restarted, left].map(pidOf));
      const shims = programs.map(parentOf);
      await engine.kill();
      const before = resolvers();
      emptyRunRoot();
      await engine.start();
      await eventually(() => {
        expect(before.filter((pid) => resolvers().includes(pid))).toEqual([]);
      });
      await eventually(async () => {
        expect(await state(subject(), restarted)).toBe('running');
      });
      expect(await state(subject(), left)).toMatch(/^exited/);
      await eventually(() => {
        const living = [...programs, ...shims].filter((pid) =>
          /^State:\t[^Z]/m.test(statusOf(pid)),
        );
        expect(living).toEqual([]);
      });
      expect(programs).not.toContain(await pidOf(restarted));
    });
  },
);
