// What runs of tests leave when they are killed, and the next one takes away: each run has a directory below `records`
// that says who it is and which engines it has made. A run is over when the process that it names is gone, or is another
// by its start time, and none of its commands that makes engines is left, which are all of Node; a pid means nothing in
// another pid namespace, so records of others are left alone.
import { execFileSync } from 'node:child_process';
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { basename, join } from 'node:path';
import process from 'node:process';

const records = '/run/tscompose-test-runs';
const variable = 'TSCOMPOSE_TEST_RUN';
const patienceMs = 5_000;

/** Begins the record of this process, which has `tmp` as its /tmp; returns the environment for who makes engines. */
export function beginRun({ tmp = null } = {}) {
  const directory = join(records, `${process.pid}-${Date.now()}`);
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  writeFileSync(join(directory, 'engines'), '');
  // Last: without it a record says nothing of anybody.
  const owner = {
    pid: process.pid,
    startTime: startTimeOf(process.pid),
    namespace: readlinkSync('/proc/self/ns/pid'),
    tmp,
  };
  writeFileSync(join(directory, 'owner.json'), JSON.stringify(owner));
  return { directory, env: { [variable]: directory } };
}

export function endRun({ directory }) {
  rmSync(directory, { recursive: true, force: true });
}

/** Before the engine is made: its root, which is new and has a name of chance, and the name of its kernel objects. */
export function recordEngine({ root, instance }, directory = process.env[variable]) {
  if (directory === undefined || !existsSync(directory)) return;
  appendFileSync(join(directory, 'engines'), `${JSON.stringify({ root, instance })}\n`);
}

/** Takes away what runs that are over have left; returns what it was, a line each. */
export async function sweepDeadRuns() {
  if (process.getuid?.() !== 0 || !existsSync(records)) return [];
  const swept = [];
  for (const name of readdirSync(records)) {
    const directory = join(records, name);
    const owner = readJson(join(directory, 'owner.json'));
    if (!isOver(directory, owner)) continue;
    swept.push(...(await sweepRun({ directory })));
    await orTold(directory, () => {
      if (/^\/var\/tmp\/tscompose-tests-\w+$/.test(owner.tmp))
        rmSync(owner.tmp, { recursive: true, force: true });
      rmSync(directory, { recursive: true, force: true });
    });
  }
  return swept;
}

/** Takes away what commands and engines of this run are left, but not its record; returns what it was, a line each. */
export async function sweepRun({ directory }) {
  const swept = new Set();
  await orTold(directory, () =>
    endAll(
      () => markedBy(directory),
      (pids) => {
        for (const pid of pids) swept.add(`process ${pid} of ${directory}`);
      },
    ),
  );
  const engines = (await orTold(directory, () => enginesOf(directory))) ?? [];
  for (const engine of engines) await orTold(engine.root, () => sweepEngine(engine, swept));
  return [...swept];
}

/** What cannot be swept fails no run: it is told, and what stays is found by the audit. */
async function orTold(place, work) {
  try {
    return await work();
  } catch (error) {
    process.stderr.write(`cannot sweep ${place}: ${error.message}\n`);
    return undefined;
  }
}

function isOver(directory, owner) {
  if (owner === null || owner.namespace !== readlinkSync('/proc/self/ns/pid')) return false;
  if (startTimeOf(owner.pid) === owner.startTime) return false;
  // Its commands may go on without it; what tests have started by them goes on for nobody.
  return !markedBy(directory).some((pid) => basename(readLink(`/proc/${pid}/exe`)) === 'node');
}

/** Commands of the run, and what they have started; engines do not have the variable. */
function markedBy(directory) {
  const mark = `${variable}=${directory}\0`;
  return processes().filter((pid) => readText(`/proc/${pid}/environ`).includes(mark));
}

function enginesOf(directory) {
  return readText(join(directory, 'engines'))
    .split('\n')
    .filter((line) => line.endsWith('}')) // Not one whose write was cut off.
    .map((line) => JSON.parse(line))
    .filter(
      ({ root, instance }) =>
        /\/tsc-test-\w+(\/|$)/.test(root) &&
        !root.includes('..') &&
        /^tscompose-[0-9a-f]{6}$/.test(instance),
    );
}

async function sweepEngine({ root, instance }, swept) {
  const groups = groupsOf(instance);
  // Engines first, or they would start again what ends; an end may bring forth others.
  await endAll(
    () => [...new Set([...holdersOf(root), ...groups.flatMap(membersOf)])],
    (pids) => {
      for (const pid of pids) swept.add(`process ${pid} of ${root}`);
      thaw(groups);
    },
  );
  for (const group of groups) if (removeGroup(group)) swept.add(`cgroup ${group}`);
  unmountBelow(root);
  rmSync(root, { recursive: true, force: true });
}

async function endAll(find, onKilled) {
  const deadline = Date.now() + patienceMs;
  for (;;) {
    const pids = find();
    if (pids.length === 0 || Date.now() > deadline) break;
    pids.forEach(kill);
    onKilled(pids);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** Engines, shims and resolvers that were started with this root, or have a file or a socket below it open. */
function holdersOf(root) {
  return processes().filter((pid) => {
    const directory = `/proc/${pid}`;
    const command = readText(join(directory, 'cmdline'));
    if (!command.startsWith('tscompose-') && !command.includes('/tscompose.cjs\0')) return false;
    const links = entriesOf(join(directory, 'fd')).map((fd) => readLink(join(directory, 'fd', fd)));
    const held = [readText(join(directory, 'environ')), ...links, ...socketsOf(pid, links)];
    return held.some((text) => text.includes(`${root}/`));
  });
}

/** Paths of the unix sockets among these links, proc_pid_net(5). */
function socketsOf(pid, links) {
  const own = new Set(links.filter((link) => link.startsWith('socket:[')));
  return readText(`/proc/${pid}/net/unix`)
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .filter(([, , , , , , inode]) => own.has(`socket:[${inode}]`))
    .map(([, , , , , , , path = '']) => path);
}

function processes() {
  return readdirSync('/proc').filter((name) => /^\d+$/.test(name));
}

/** In every hierarchy, and below the root of the only one. */
function groupsOf(instance) {
  return ['.', ...entriesOf('/sys/fs/cgroup')]
    .map((name) => join('/sys/fs/cgroup', name, instance))
    .filter((path) => existsSync(path));
}

function directoriesOf(group) {
  const below = entriesOf(group, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  return [...below.flatMap(({ name }) => directoriesOf(join(group, name))), group];
}

function membersOf(group) {
  return directoriesOf(group).flatMap((path) =>
    readText(join(path, 'cgroup.procs'))
      .split('\n')
      .filter((pid) => pid !== '' && pid !== '0'),
  );
}

/** What is frozen does not end on cgroup v1. */
function thaw(groups) {
  for (const path of groups.flatMap(directoriesOf)) {
    const state = join(path, 'freezer.state');
    if (readText(state).startsWith('FRO') || readText(state).startsWith('FREEZING'))
      unlessGone(() => {
        writeFileSync(state, 'THAWED');
      });
  }
}

/** Another sweep, or what ends, may have removed a cgroup meanwhile. */
function unlessGone(work) {
  try {
    work();
  } catch (error) {
    if (!['ENOENT', 'ENODEV'].includes(error.code)) throw error;
  }
}

/** Those that the run has made in a mount namespace of its own went with it. */
function unmountBelow(root) {
  const paths = readText('/proc/self/mounts')
    .split('\n')
    .map((line) => line.split(' ')[1] ?? '')
    .filter((path) => path.startsWith(`${root}/`));
  for (const path of paths.reverse()) execFileSync('umount', ['--lazy', path]);
}

function removeGroup(group) {
  try {
    for (const path of directoriesOf(group)) rmdirSync(path);
    return true;
  } catch (error) {
    // Still in use, or another sweep was first: what stays is found by the audit.
    if (['EBUSY', 'ENOENT', 'ENODEV'].includes(error.code)) return false;
    throw error;
  }
}

function kill(pid) {
  try {
    process.kill(Number(pid), 'SIGKILL');
  } catch (error) {
    if (error.code !== 'ESRCH') throw error;
  }
}

/** proc_pid_stat(5), field 22; null: there is no such process. */
function startTimeOf(pid) {
  const stat = readText(`/proc/${pid}/stat`);
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return stat === '' || fields[0] === 'Z' ? null : fields[19];
}

function entriesOf(path, options = {}) {
  try {
    return readdirSync(path, options);
  } catch {
    return [];
  }
}

/** Empty: it is gone meanwhile. */
function readText(path) {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

function readLink(path) {
  try {
    return readlinkSync(path);
  } catch {
    return '';
  }
}

function readJson(path) {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch {
    return null;
  }
}
