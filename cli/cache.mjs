// Keeps the compiled form of the bundles beside them (dist/bin/*.cache), for the Node that runs this: after each build,
// and once more where the package is installed, since V8 takes no data of another version. Before the first build
// there is nothing to do.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const require = createRequire(import.meta.url);
const self = fileURLToPath(import.meta.url);
const installed = fileURLToPath(new URL('../dist/bin/', import.meta.url));
const example = fileURLToPath(new URL('../examples/hello/compose.yaml', import.meta.url));

export function makeCaches(bin = installed) {
  if (!existsSync(bin)) return;
  // Never those of an earlier build: V8 tells sources apart by their length alone.
  for (const name of readdirSync(bin)) {
    if (name.endsWith('.cache')) rmSync(join(bin, name));
  }
  // A process of its own, with a bare environment: only what the bundles themselves compile belongs in a cache.
  const { status } = spawnSync(process.execPath, [self, bin], {
    env: { HOME: '/nonexistent' },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  if (status !== 0) process.stderr.write('no code cache: tscompose will start 30 ms slower\n');
}

/** Runs the commands that people wait for: a function is compiled, and then in the cache, when it first runs. */
async function runAndKeep(bin) {
  const engine = await standInEngine();
  process.env.DOCKER_HOST = `unix://${engine.path}`;
  const scripts = new Map();
  const vm = require('node:vm');
  const { Script } = vm;
  vm.Script = class extends Script {
    constructor(source, options) {
      super(source, options);
      scripts.set(options.filename, this);
    }
  };
  const { loadScript } = require(join(bin, 'cli.cjs'));
  loadScript(join(bin, 'daemon.cjs'));
  const { runOci } = loadScript(join(bin, 'oci.cjs'));
  await runOci(['features']);
  const program = loadScript(join(bin, 'cli.cjs'));
  const unusual = join(engine.directory, 'compose.yaml');
  writeFileSync(unusual, 'services: {web: {image: "a\n  b"}}');
  for (const argv of [
    ['--help'],
    ['-f', unusual, 'config'],
    ...['config', 'up -d', 'ps', 'logs', 'down'].map(onExample),
  ]) {
    await program.main(argv);
    if (process.exitCode !== 0 && process.exitCode !== undefined) process.exit(1);
  }
  for (const [file, script] of scripts) {
    writeFileSync(file.replace(/\.cjs$/, '.cache'), script.createCachedData());
  }
  engine.close();
  process.exit(0);
}

function onExample(command) {
  return ['-f', example, ...command.split(' ')];
}

/** Answers the requests of the commands above, as an engine with one image and one container would. */
async function standInEngine() {
  const directory = mkdtempSync(join(tmpdir(), 'tscompose-cache-'));
  const path = join(directory, 'engine.sock');
  const server = createServer((request, response) => {
    const found = answers.find(([pattern]) => pattern.test(`${request.method} ${request.url}`));
    const [, status, body] = found ?? [null, 204, undefined];
    response.writeHead(status, { 'Content-Type': 'application/json', 'Api-Version': '1.51' });
    response.end(body === undefined ? undefined : JSON.stringify(body));
  });
  await new Promise((resolve) => server.listen(path, resolve));
  return { directory, path, close: () => rmSync(directory, { recursive: true }) };
}

const labels = {
  'com.docker.compose.project': 'hello',
  'com.docker.compose.service': 'web',
  'com.docker.compose.container-number': '1',
  'com.docker.compose.oneoff': 'False',
};

const container = {
  Id: 'c'.repeat(64),
  Names: ['/hello-web-1'],
  Image: 'tscompose.local/host',
  ImageID: 'sha256:1',
  Command: 'node',
  Created: 1,
  Ports: [{ IP: '127.0.0.1', PrivatePort: 3000, PublicPort: 8080, Type: 'tcp' }],
  Labels: labels,
  State: 'running',
  Status: 'Up 1 second',
  HostConfig: { NetworkMode: 'hello_default' },
  NetworkSettings: { Networks: {} },
  Mounts: [],
};

const image = { Id: 'sha256:1', RepoTags: ['tscompose.local/host:latest'], RepoDigests: [] };

/** The first that matches; what is not here has no body. */
const answers = [
  [/ \/_ping/, 200],
  [/GET .*\/containers\/json/, 200, [container]],
  [/GET .*\/images\/json/, 200, [image]],
  [/GET .*\/networks/, 200, []],
  [/GET .*\/volumes/, 200, { Volumes: [] }],
  [/GET .*\/(events|logs)/, 200],
  [/POST .*\/(containers|networks)\/create/, 201, { Id: 'd'.repeat(64), Warnings: [] }],
  [/POST .*\/volumes\/create/, 201, { Name: 'hello_data' }],
];

if (process.argv[1] === self) {
  if (process.argv[2] === undefined) makeCaches();
  else await runAndKeep(process.argv[2]);
}
