// `npm run bench`: our figures, and in the same run those of the peers this machine has, as medians and ratios.
// Prints a table and writes JSON to the file given by `--json FILE`. `--only up,cli` measures some parts, `--rows TEXT` of the network those rows that have it in
// their names, `--rounds N` as often.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { findPeers, image, makeRootfs, ourCommand, startOurs } from './candidates.mjs';
import { configRows } from './config.mjs';
import { execRows, exitRows, findEngines, memoryRows, startRows } from './engines.mjs';
import { logRows, logTargets } from './logs.mjs';
import { measure, pssOf, run } from './measure.mjs';
import { networkMost, networkRatios, networkRows } from './network.mjs';
import { scalingRows, scalingTargets } from './scaling.mjs';

const { values: options } = parseArgs({
  options: {
    json: { type: 'string' },
    only: { type: 'string' },
    rows: { type: 'string', default: '' },
    rounds: { type: 'string', default: '9' },
    sizes: { type: 'string', default: '1,10,50' },
  },
});
const sizes = options.sizes.split(',').map(Number);
const wants = (part) => options.only === undefined || options.only.split(',').includes(part);

/** Upper limits of the figures we promise, in ms or KiB. */
const targets = {
  'start through the API': 8,
  'start through the API, with limits': 8,
  'exec to its exit code': 4,
  '50 exits known': 50,
  'up -d, 10 services': 250,
  'up -d, 50 services': 800,
  'down, 50 services': 600,
  version: 45,
  'memory per container, 50 containers': 614.4,
  'load, 200 services, in process': 30,
  ...logTargets,
  ...scalingTargets,
};

/** How many times as long as the peer a whole process may take. */
const targetRatios = {
  'config, 3 services': 1.5,
  'config, 200 services': 1,
  'config, 1000 services': 1,
  ...networkMost,
};

const directory = await mkdtemp(join(tmpdir(), 'tsc-bench-'));
const rows = [];
try {
  if (wants('config')) await configRows(ourCommand, { directory, record });
  if (wants('scaling')) await scalingRows(ourCommand, { directory, record });
  if (wants('network'))
    await networkRows(await makeRootfs(directory), { ...options, record, directory });
  if (!['config', 'network', 'scaling'].includes(options.only)) await withEngines();
} finally {
  await rm(directory, { recursive: true, force: true });
}
print();
if (options.json)
  await writeFile(options.json, `${JSON.stringify({ date: new Date(), rows }, null, 2)}\n`);

async function withEngines() {
  const rootfs = await makeRootfs(directory);
  const ours = await startOurs(rootfs);
  const peers = await findPeers(rootfs);
  const engines = [ours, ...(await findEngines(rootfs))];
  try {
    if (wants('memory')) {
      await daemonMemory(ours);
      await memoryRows(engines, record);
    }
    if (wants('start')) await startRows(engines, record);
    if (wants('exec')) await execRows(engines, record);
    if (wants('exits')) await exitRows(engines, record);
    if (wants('cli')) for (const one of [ours, ...peers]) await commandStart(one);
    if (wants('up')) for (const one of [ours, ...peers]) await upAndDown(one);
    if (wants('logs')) await logRows([ours, ...peers], { directory, record });
  } finally {
    for (const { client } of engines) client.close();
    for (const one of [...peers, ours]) await one.stop();
  }
}

function record(what, who, figures, unit = 'ms') {
  rows.push({ what, who: who.name, unit, ...figures });
}

async function commandStart(who) {
  const project = await writeProject(10);
  const base = [...who.compose, '-p', 'bench-cli', '-f', project];
  for (const [what, command] of [
    ['version', [...who.compose, 'version']],
    ['ps', [...base, 'ps']],
    ['config, 10 services', [...base, 'config', '-q']],
  ]) {
    record(what, who, await measure({ runs: 20, warmUp: 3, work: () => run(command, who) }));
  }
}

async function upAndDown(who) {
  for (const size of sizes) {
    const project = await writeProject(size);
    const base = [...who.compose, '-p', `bench${size}`, '-f', project];
    const up = [...base, 'up', '-d'];
    const down = [...base, 'down', '-t', '0'];
    const runs = size >= 50 ? 7 : 12;
    record(
      `up -d, ${size} services`,
      who,
      await measure({ runs, work: () => run(up, who), after: () => run(down, who) }),
    );
    record(
      `down, ${size} services`,
      who,
      await measure({ runs, before: () => run(up, who), work: () => run(down, who) }),
    );
    await run(up, who);
    record(`up -d again, ${size} services`, who, await measure({ runs, work: () => run(up, who) }));
    await run(down, who);
  }
}

async function daemonMemory(ours) {
  const isDaemon = (_command, pid) => pid === ours.daemonPid;
  record('memory of the daemon, idle', ours, { p50: (await pssOf(isDaemon)).kib }, 'KiB');
}

/** Services that sleep on one network, as ../shared/bench/peers measures them. */
async function writeProject(size) {
  const services = Array.from({ length: size }, (_unused, index) =>
    [
      `  s${index + 1}:`,
      `    image: ${image}`,
      '    command: ["sleep", "100000"]',
      '    stop_signal: SIGKILL',
      '    networks: [net]',
    ].join('\n'),
  );
  const file = join(directory, `compose-${size}.yaml`);
  await writeFile(file, `services:\n${services.join('\n')}\nnetworks:\n  net: {}\n`);
  return file;
}

function judge(ratio, what) {
  const [most, least] = [targetRatios[what], networkRatios[what]];
  if (most !== undefined) return ` (≤ ${most}${ratio > most ? ' missed' : ''})`;
  if (least !== undefined) return ` (≥ ${least}${ratio < least ? ' missed' : ''})`;
  return '';
}

function print() {
  const number = (value) =>
    value === undefined ? '' : value.toFixed(value < 1 ? 3 : value < 100 ? 1 : 0);
  process.stdout.write(
    '| what | who | p50 | p90 | unit | target | ours : theirs |\n|---|---|--:|--:|---|--:|--:|\n',
  );
  for (const row of rows) {
    const own = rows.find(({ what, who }) => what === row.what && who === 'tscompose');
    const ratio =
      row === own || own === undefined ? '' : (row.ratio ?? own.p50 / row.p50).toFixed(2);
    const target = row === own ? targets[row.what] : undefined;
    const verdict = target === undefined ? '' : `≤ ${target}${row.p50 > target ? ' missed' : ''}`;
    const judged = ratio === '' ? '' : judge(ratio, row.what);
    process.stdout.write(
      `| ${row.what} | ${row.who} | ${number(row.p50)} | ${number(row.p90)} | ${row.unit} | ${verdict} | ${ratio}${judged} |\n`,
    );
  }
}
