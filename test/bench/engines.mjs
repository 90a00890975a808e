// What engines themselves take, command lines left out: every row is measured through the Engine API with one client,
// ours and the peers' in turns, so that what else the machine does hits all of them.
import { EngineClient } from '../../dist/engine/client/index.js';
import { image } from './candidates.mjs';
import { kernelMemory, pssOf, run, statistics } from './measure.mjs';

/** Processes that a peer keeps running for its containers, by the name of their program. */
const programs = {
  docker: /^(dockerd|containerd|containerd-shim.*|docker-proxy|docker-init)$/,
  podman: /^(podman|conmon|netavark|aardvark-dns)$/,
};

/**
 * Peers whose API answers at the addresses in their own variables, each with the same image. Podman serves the API as
 * `podman system service --time 0 unix:///PATH`.
 */
export async function findEngines(rootfs) {
  const addresses = { docker: process.env.DOCKER_HOST, podman: process.env.CONTAINER_HOST };
  const found = [];
  for (const [name, address] of Object.entries(addresses)) {
    try {
      if (address === undefined) throw new Error('no address in the environment');
      const env = { ...process.env, DOCKER_HOST: address };
      await run(['docker', 'import', rootfs, image], { env });
      const isProcess = ([file = '']) => programs[name].test(file.split('/').at(-1));
      found.push({ name, client: new EngineClient({ address }), isProcess });
    } catch (error) {
      process.stderr.write(`not measured: engine of ${name} (${error.message.split('\n')[0]})\n`);
    }
  }
  return found;
}

export async function startRows(engines, record) {
  const limits = { Memory: 64 << 20, NanoCpus: 5e8, PidsLimit: 100 };
  const kinds = [
    ['start through the API', { NetworkMode: 'bridge' }],
    ['start through the API, with limits', { NetworkMode: 'bridge', ...limits }],
    ['start through the API, no network', { NetworkMode: 'none' }],
  ];
  for (const [what, host] of kinds) {
    await inTurns(engines, { runs: 100, slowRuns: 15 }, async ({ client }) => {
      const { Id } = await client.containers.create(sleeping(host));
      const elapsed = await timed(() => client.containers.start(Id));
      await client.containers.remove(Id, { force: true });
      return elapsed;
    }).then((rows) => rows.forEach(([who, figures]) => record(what, who, figures)));
  }
}

/** From the request to make it until its exit code is read. */
export async function execRows(engines, record) {
  const containers = new Map();
  for (const { name, client } of engines) {
    const { Id } = await client.containers.create(sleeping({ NetworkMode: 'none' }));
    await client.containers.start(Id);
    containers.set(name, Id);
  }
  const rows = await inTurns(engines, { runs: 200, slowRuns: 20 }, async ({ name, client }) => {
    return timed(async () => {
      const request = { Cmd: ['/bin/true'] };
      const { exitCode } = await client.execs.run(containers.get(name), request, {
        onOutput: () => undefined,
      });
      if (exitCode !== 0) throw new Error(`${name}: exec exited ${exitCode}`);
    });
  });
  for (const [who, figures] of rows) record('exec to its exit code', who, figures);
  for (const { name, client } of engines)
    await client.containers.remove(containers.get(name), { force: true });
}

/** All are sent SIGKILL at once; the row ends when the client knows of the last one. */
export async function exitRows(engines, record) {
  const count = 50;
  const rows = await inTurns(engines, { runs: 10, slowRuns: 2 }, async ({ client }) => {
    const ids = await startMany(client, count);
    const waits = await Promise.all(ids.map((id) => client.containers.watchExit(id)));
    const elapsed = await timed(async () => {
      await Promise.all(ids.map((id) => client.containers.kill(id)));
      await Promise.all(waits.map(({ exited }) => exited));
    });
    await removeAll(client, ids);
    return elapsed;
  });
  for (const [who, figures] of rows) record(`${count} exits known`, who, figures);
}

/** What 50 containers add: the engine's processes (proportional set size) and the kernel; not the containers' programs. */
export async function memoryRows(engines, record) {
  const count = 50;
  for (const who of engines) {
    // What an engine takes once, for its first containers, is not theirs.
    await removeAll(who.client, await startMany(who.client, count));
    const before = { processes: (await pssOf(who.isProcess)).kib, kernel: await kernelMemory() };
    const ids = await startMany(who.client, count);
    const processes = ((await pssOf(who.isProcess)).kib - before.processes) / count;
    const kernel = ((await kernelMemory()) - before.kernel) / count;
    const figures = { p50: processes + kernel, processes, kernel };
    record(`memory per container, ${count} containers`, who, figures, 'KiB');
    await removeAll(who.client, ids);
  }
}

function sleeping(HostConfig) {
  return { Image: image, Cmd: ['sleep', '1000'], HostConfig };
}

async function startMany(client, count) {
  const made = await Promise.all(
    Array.from({ length: count }, () =>
      client.containers.create(sleeping({ NetworkMode: 'bridge' })),
    ),
  );
  const ids = made.map(({ Id }) => Id);
  // Peers take seconds for all at once; in tens none of them runs into its own time-outs.
  for (let at = 0; at < count; at += 10)
    await Promise.all(ids.slice(at, at + 10).map((id) => client.containers.start(id)));
  return ids;
}

async function removeAll(client, ids) {
  await Promise.all(ids.map((id) => client.containers.remove(id, { force: true })));
}

async function timed(work) {
  const startedAt = performance.now();
  await work();
  return performance.now() - startedAt;
}

/** `once` says how long it took, in ms; peers, which take tens of times as long, are asked less often. */
async function inTurns(engines, { runs, slowRuns }, once) {
  const times = new Map(engines.map((who) => [who, []]));
  const each = Math.max(1, Math.floor(runs / slowRuns));
  for (let round = -1; round < runs; round++) {
    for (const [index, who] of engines.entries()) {
      if (index > 0 && round >= 0 && round % each !== 0) continue;
      const elapsed = await once(who);
      if (round >= 0) times.get(who).push(elapsed);
    }
  }
  return [...times].map(([who, found]) => [who, statistics(found)]);
}
