// `npm run hello`: from a fresh checkout to a page that counts, and says first what it is going to do.
import { spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync, rmSync, writeFileSync } from 'node:fs';
import { delimiter, join, relative } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));
/** As a person would type them here. */
const program = relative(process.cwd(), join(root, 'dist/bin/tscompose.cjs'));
const composeFile = relative(
  process.cwd(),
  fileURLToPath(new URL('compose.yaml', import.meta.url)),
);
const port = process.env.HELLO_PORT ?? '8080';
const tscompose = [process.execPath, program, '-f', composeFile];
const url = `http://127.0.0.1:${port}/`;

/** How each distribution installs Redis without asking. */
const packageManagers = [
  {
    name: 'apt-get',
    commands: [
      ['apt-get', 'update', '-q'],
      ['apt-get', 'install', '-q', '-y', '--no-install-recommends', 'redis-server'],
    ],
    env: { DEBIAN_FRONTEND: 'noninteractive' },
    // Debian starts what it installs; the example brings up a Redis of its own.
    startsServices: true,
  },
  { name: 'dnf', commands: [['dnf', 'install', '-y', 'redis']] },
  { name: 'apk', commands: [['apk', 'add', 'redis']] },
  { name: 'pacman', commands: [['pacman', '-S', '--noconfirm', '--needed', 'redis']] },
];

const policyFile = '/usr/sbin/policy-rc.d';

function main() {
  const manager = findProgram('redis-server') ? null : findManager();
  say('This starts the hit counter of examples/hello in containers on this machine. It will');
  if (manager !== null) {
    say(
      `  - install Redis from the distribution's packages (${manager.name}); its service stays off`,
    );
  }
  say('  - start the tscompose engine in the background, if it does not run yet');
  say(`  - run \`tscompose up -d\`: a web server and a Redis, the page at ${url}`);
  say('  - ask the page three times');
  say('');
  if (process.geteuid?.() !== 0) {
    fail('containers need root: run `sudo env "PATH=$PATH" npm run hello`');
  }
  if (!existsSync(program)) fail('it is not built yet: run `npm ci` first');
  if (manager !== null) install(manager);

  run([...tscompose, 'up', '-d']);
  return askThreeTimes().then(sayWhatNext);
}

function findProgram(name) {
  const path = `${process.env.PATH ?? ''}${delimiter}/usr/bin${delimiter}/usr/sbin`;
  return path.split(delimiter).some((directory) => isExecutable(join(directory, name)));
}

function isExecutable(path) {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    // Absent or not for us: both mean that the next directory may have it.
    return false;
  }
}

function findManager() {
  const manager = packageManagers.find(({ name }) => findProgram(name));
  if (manager === undefined) {
    fail(
      'the example needs redis-server, and no apt-get, dnf, apk or pacman is here to install it',
    );
  }
  return manager;
}

function install({ name, commands, env = {}, startsServices = false }) {
  // invoke-rc.d(8) asks this file; 101 means that the action is not allowed. One that exists is the administrator's.
  const isPolicyOurs = startsServices && !existsSync(policyFile);
  if (isPolicyOurs) writeFileSync(policyFile, '#!/bin/sh\nexit 101\n', { mode: 0o755 });
  try {
    for (const command of commands) run(command, env);
  } finally {
    if (isPolicyOurs) rmSync(policyFile, { force: true });
  }
  if (startsServices && findProgram('systemctl')) {
    // Nor shall it start with the next boot.
    spawnSync('systemctl', ['disable', '--quiet', 'redis-server'], { stdio: 'ignore' });
  }
  if (!findProgram('redis-server')) fail(`${name} installed Redis, but there is no redis-server`);
}

function run([command, ...args], env = {}) {
  say(`$ ${[command === process.execPath ? 'node' : command, ...args].join(' ')}`);
  const { status, error } = spawnSync(command, args, {
    stdio: 'inherit',
    env: { ...process.env, ...env },
  });
  if (error !== undefined) fail(`cannot run ${command}: ${error.message}`);
  if (status !== 0) fail(`${command} ended with exit code ${status}`);
}

async function askThreeTimes() {
  for (let count = 1; count <= 3; count += 1) {
    say(`$ curl ${url}`);
    process.stdout.write(await ask());
  }
}

/** Both programs were started, not awaited: the page may need some tries until it has Redis behind it. */
async function ask() {
  const deadline = Date.now() + 15_000;
  for (;;) {
    try {
      const response = await fetch(url, { signal: AbortSignal.timeout(2000) });
      if (response.ok) return await response.text();
      throw new Error(`status ${response.status}`);
    } catch (error) {
      if (Date.now() > deadline) {
        for (const args of [['ps', '-a'], ['logs']]) run([...tscompose, ...args]);
        fail(`${url} does not answer: ${error.cause?.message ?? error.message}`);
      }
      await delay(50);
    }
  }
}

function sayWhatNext() {
  const command = `node ${program} -f ${composeFile}`;
  say('');
  say(`It runs: open ${url} and reload it. What next:`);
  say(`  ${command} ps         # what runs`);
  say(`  ${command} logs -f    # what it writes`);
  say(`  ${command} down       # stop and remove it; the count stays in its volume`);
  say(`  ${command} down -v    # … and forget the count`);
  say(`  node ${program} daemon stop    # end the engine; the next command starts it again`);
}

function say(line) {
  process.stdout.write(`${line}\n`);
}

function fail(message) {
  process.stderr.write(`hello: ${message}\n`);
  process.exit(1);
}

await main();
