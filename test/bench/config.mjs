// What understanding a compose file costs: `config` as a whole process beside docker compose, loading alone in process.
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { access, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { loadProject } from '../../dist/compose/index.js';
import { run, statistics } from './measure.mjs';

const peersRoot = process.env.PEER_ROOT ?? '/var/lib/peers';

/** Needs no engine. Candidates take turns, so that what else the machine does hits all of them. */
export async function configRows(ours, { directory, record }) {
  const candidates = [ours, ...(await dockerCompose())];
  for (const size of [3, 200, 1000]) {
    const file = join(directory, `config-${size}.yaml`);
    const text = realisticProject(size);
    await writeFile(file, text);
    const times = candidates.map(() => []);
    const runs = size > 200 ? 10 : 20;
    for (let round = -1; round < runs; round++) {
      for (const [index, who] of candidates.entries()) {
        const startedAt = performance.now();
        await run(commandOf(who, file), { env: environment });
        if (round >= 0) times[index].push(performance.now() - startedAt);
      }
    }
    for (const [index, who] of candidates.entries()) {
      record(`config, ${size} services`, who, statistics(times[index]));
      const peak = await peakMemory(commandOf(who, file));
      record(`peak memory of config, ${size} services`, who, { p50: peak }, 'KiB');
    }
    if (size === 200) record('load, 200 services, in process', ours, loadInProcess(text));
  }
}

const environment = { PATH: process.env.PATH, HOME: '/nonexistent', DOCKER_CONFIG: '/nonexistent' };

function commandOf({ compose }, file) {
  return [...compose, '-p', 'bench', '-f', file, 'config'];
}

/** From the PATH, or the one that ../shared/bench/peers/setup-peers.sh puts aside. */
async function dockerCompose() {
  const plugin = join(peersRoot, 'usr/libexec/docker/cli-plugins/docker-compose');
  for (const compose of [['docker', 'compose'], [plugin]]) {
    try {
      if (compose[0] === plugin) await access(plugin);
      await run([...compose, 'version'], { env: environment });
      return [{ name: 'docker compose', compose }];
    } catch (error) {
      process.stderr.write(
        `not measured: ${compose.join(' ')} (${error.message.split('\n')[0]})\n`,
      );
    }
  }
  return [];
}

/** High-water mark of the resident set in KiB, see proc_pid_status(5), asked for until the process has no memory. */
async function peakMemory([file, ...args]) {
  const child = spawn(file, args, { env: environment, stdio: 'ignore' });
  const ended = new Promise((resolve) => child.once('exit', resolve));
  let peak = 0;
  for (let now; now !== 0; peak = Math.max(peak, now)) {
    // Reading without waiting: its last milliseconds are when a process has grown most.
    const status = readFileSync(`/proc/${child.pid}/status`, 'utf8');
    now = Number(/^VmHWM:\s+(\d+)/m.exec(status)?.[1] ?? 0);
  }
  await ended;
  return peak;
}

/** As a long-lived process has it: everything compiled. */
function loadInProcess(text) {
  const host = {
    environment: {},
    home: '/home/ada',
    readFile: (path) => (path === '/shop/c.yaml' ? { kind: 'text', text } : { kind: 'absent' }),
    readStdin: () => '',
  };
  const request = { workingDirectory: '/shop', files: ['c.yaml'], projectName: 'bench' };
  const times = [];
  for (let round = -30; round < 30; round++) {
    const startedAt = performance.now();
    loadProject(request, host);
    if (round >= 0) times.push(performance.now() - startedAt);
  }
  return statistics(times);
}

/** What services of a real project say; every twentieth adds a network. */
function realisticProject(size) {
  const networks = Math.max(1, Math.min(10, Math.floor(size / 20)));
  const services = Array.from({ length: size }, (_unused, index) =>
    serviceText(index + 1, networks),
  );
  return [
    'x-common: &common',
    '  restart: unless-stopped',
    '  logging: {driver: json-file, options: {max-size: "10m", max-file: "3"}}',
    'services:',
    ...services,
    'networks:',
    ...Array.from({ length: networks }, (_unused, index) => `  net${index}: {}`),
    'volumes:',
    ...services.map((_unused, index) => `  data${index + 1}: {}`),
    '',
  ].join('\n');
}

function serviceText(number, networks) {
  const text = `  service${number}:
    <<: *common
    image: registry.example.com/team/app-${number}:\${TAG:-1.2.3}
    command: ["serve", "--port", "8080", "--name", "service${number}"]
    environment:
      ID: "${number}"
      LOG_LEVEL: \${LOG_LEVEL:-info}
      DATABASE_URL: postgres://app:\${PASSWORD:-secret}@service1:5432/db${number}
      MODE: \${MODE:-production}
    ports:
      - "127.0.0.1:${20_000 + number}:8080"
    volumes:
      - data${number}:/var/lib/app
      - ./config:/etc/app:ro
    networks: [net${number % networks}]
    healthcheck:
      test: ["CMD", "wget", "-q", "-O", "-", "http://localhost:8080/health"]
      interval: 30s
      timeout: 5s
      retries: 3
    labels:
      com.example.team: platform
      com.example.index: "${number}"
    deploy:
      resources:
        limits: {cpus: "0.50", memory: 256M}`;
  if (number === 1) return text;
  return `${text}
    depends_on:
      service${Math.floor(number / 2)}:
        condition: service_healthy`;
}
