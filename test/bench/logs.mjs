// One container prints a million lines of 100 bytes: how long until they are in the log, and until a client has read them
// back. All figures are milliseconds for the million: 667 are 1.5 million lines a second, 3333 are 300,000.
import { spawn } from 'node:child_process';
import { open, rm } from 'node:fs/promises';
import { request } from 'node:http';
import { join } from 'node:path';
import { image } from './candidates.mjs';
import { measure } from './measure.mjs';

const lines = 1_000_000;
const lineBytes = 100;
const name = 'tsc-bench-log';

/** Upper limits, by the names of the rows. */
export const logTargets = {
  'a million lines to the log': 667,
  'a million lines by the API': 3333,
  'a million lines by docker logs': 3333,
};

/** `ours` and peers are what candidates.mjs makes; peers are asked by their own command. */
export async function logRows(candidates, { directory, record }) {
  const file = join(directory, 'lines');
  await writeLines(file);
  for (const who of candidates) {
    const engine = who.engine ?? ['docker'];
    const env =
      who.engine === undefined ? { ...who.env, DOCKER_HOST: `unix://${socketOf(who)}` } : who.env;
    const docker = (...args) => command([...engine, ...args], env);
    const print = ['--name', name, '--network', 'none', '-v', `${file}:/lines:ro`];
    const busybox = ['/bin/busybox', 'cat', '/lines'];
    const removed = () => docker('rm', '-f', name);
    // A start and a wait cost some tens of milliseconds, which count.
    const run = async () => {
      await docker('start', name);
      await docker('wait', name);
    };
    const create = () => docker('create', ...print, image, ...busybox);
    const figures = await measure({ runs: 5, before: create, work: run, after: removed });
    record('a million lines to the log', who, figures);
    await create();
    await run();
    if (who.engine === undefined) {
      const byApi = await measure({ runs: 5, work: () => readByApi(socketOf(who)) });
      record('a million lines by the API', who, byApi);
    }
    const byDocker = await measure({ runs: 5, work: () => docker('logs', name) });
    record('a million lines by docker logs', who, byDocker);
    const tail = await measure({ runs: 10, work: () => docker('logs', '--tail', '10', name) });
    record('the last ten of a million lines', who, tail);
    await removed();
  }
  await rm(file);
}

function socketOf({ env }) {
  return join(env.TSCOMPOSE_RUN_ROOT, 'engine.sock');
}

async function writeLines(file) {
  const handle = await open(file, 'w');
  const block = Buffer.from(`${'x'.repeat(lineBytes - 1)}\n`.repeat(10_000));
  for (let written = 0; written < lines; written += 10_000) await handle.write(block);
  await handle.close();
}

/** Its output is taken by the kernel, so that nobody but the engine and the client are measured. */
function command([file, ...args], env) {
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, { env, stdio: ['ignore', 'ignore', 'inherit'] });
    child.on('error', reject);
    child.on('close', (code) => {
      if (code === 0) resolve();
      else reject(new Error(`${[file, ...args].join(' ')} exited ${code}`));
    });
  });
}

function readByApi(socketPath) {
  return new Promise((resolve, reject) => {
    const path = `/containers/${name}/logs?stdout=1&stderr=1`;
    const answer = request({ socketPath, path }, (response) => {
      let bytes = 0;
      response.on('data', (chunk) => (bytes += chunk.length));
      response.on('error', reject);
      response.on('end', () => {
        const wanted = lines * (lineBytes + 8);
        if (bytes === wanted) resolve();
        else reject(new Error(`${bytes} bytes of log instead of ${wanted}`));
      });
    });
    answer.on('error', reject);
    answer.end();
  });
}
