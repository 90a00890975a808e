// Who is measured: ourselves always, and whatever peers this machine has, with the same rootfs and the same files.
import { spawn } from 'node:child_process';
import { createReadStream } from 'node:fs';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EngineClient } from '../../dist/engine/client/index.js';
import { run } from './measure.mjs';

const root = new URL('../..', import.meta.url).pathname;
export const image = 'tscompose-bench/busybox:latest';

/** The program that was built last. */
export const ourCommand = {
  name: 'tscompose',
  compose: [process.execPath, join(root, 'dist/bin/tscompose.cjs')],
};

/** One static busybox: the smallest thing that can sleep. */
export async function makeRootfs(directory) {
  const tree = join(directory, 'rootfs');
  await mkdir(join(tree, 'bin'), { recursive: true });
  await run(['cp', '/bin/busybox', join(tree, 'bin/busybox')]);
  for (const name of ['sh', 'sleep', 'true'])
    await run(['ln', '-s', 'busybox', join(tree, 'bin', name)]);
  const archive = join(directory, 'rootfs.tar');
  await run(['tar', '-C', tree, '-cf', archive, '.']);
  return archive;
}

/** In the network namespace of `place`, where it is not this process's own. */
export async function startOurs(rootfs, place = { enter: [] }) {
  const directory = await mkdtemp(join(tmpdir(), 'tsc-bench-'));
  // A tmpfs, as /run is on hosts with systemd, and as start-dockerd.sh gives the peers one.
  const runRoot = await mkdtemp('/dev/shm/tsc-bench-');
  // Ours is the embedded engine, whatever engine the peers are told to use.
  const { NODE_EXTRA_CA_CERTS: _slow, DOCKER_HOST: _theirs, ...inherited } = process.env;
  const env = {
    ...inherited,
    TSCOMPOSE_STATE_ROOT: join(directory, 'state'),
    TSCOMPOSE_RUN_ROOT: runRoot,
  };
  const cli = ourCommand.compose;
  const [file, ...args] = [
    ...[...place.enter, ...cli, 'daemon'],
    ...['--ready-fd', '3', '--state-root', env.TSCOMPOSE_STATE_ROOT],
    ...['--run-root', env.TSCOMPOSE_RUN_ROOT],
  ];
  const daemon = spawn(file, args, { env, stdio: ['ignore', 'ignore', 'inherit', 'pipe'] });
  await new Promise((resolve, reject) => {
    daemon.stdio[3].once('data', resolve);
    daemon.once('exit', (code) => reject(new Error(`the engine ended with ${code}`)));
  });
  const client = new EngineClient({ address: `unix://${env.TSCOMPOSE_RUN_ROOT}/engine.sock` });
  await client.images.import(createReadStream(rootfs), { reference: image });
  return {
    ...ourCommand,
    env,
    client,
    daemonPid: daemon.pid,
    isProcess: ([file = ''], pid) => pid === daemon.pid || /tscompose-(shim|resolver)$/.test(file),
    async stop() {
      await run([...cli, 'daemon', 'stop'], { env });
      for (const path of [directory, runRoot]) await rm(path, { recursive: true, force: true });
    },
  };
}

/** Peers whose engine answers; each is given the same image under the same name. */
export async function findPeers(rootfs) {
  const all = [
    { name: 'docker compose', engine: ['docker'], compose: ['docker', 'compose'] },
    { name: 'podman-compose', engine: ['podman'], compose: ['podman-compose'] },
  ];
  const present = [];
  for (const peer of all) {
    try {
      await run([...peer.engine, 'info']);
      await run([...peer.compose, 'version']);
      await run([...peer.engine, 'import', '-', image], { input: createReadStream(rootfs) });
      present.push({
        ...peer,
        env: process.env,
        stop: () => run([...peer.engine, 'image', 'rm', '-f', image]),
      });
    } catch (error) {
      process.stderr.write(
        `not measured: ${peer.name} (${String(error.message).split('\n')[0]})\n`,
      );
    }
  }
  return present;
}
