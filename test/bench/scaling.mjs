// How the cost of networks grows with what is there already: sandboxes on a network, networks, published ports. Measured at
// the network's own door, without containers, so that nothing else hides it. Times are milliseconds.
import { randomBytes } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import process from 'node:process';
import { closeFd } from '../../dist/native/index.js';
import { NetworkController } from '../../dist/network/index.js';
import { statistics } from './measure.mjs';

const repetitions = 5;
/** A port is published within this, whichever it is. */
const portMs = 0.1;
/** How much more the last of many may cost than the first. */
const growth = 1.5;

/** Upper limits, by the names of the rows. */
export const scalingTargets = {
  'open, the last 50 of 200 sandboxes : the first 50': growth,
  'close, the last 50 of 200 sandboxes : the first 50': growth,
  'open, the last 10 of 50 networks : the first 10': growth,
  'remove, the last 10 of 50 networks : the first 10': growth,
  'publish, each of the first 100 ports': portMs,
  'publish, each of the last 100 of 1,000 ports': portMs,
  'network time of down, 50 sandboxes with 50 ports': 150,
};

/** In a namespace of its own, which in-netns.mjs makes. */
export async function scalingRows(who, { directory, record }) {
  const found = new Map();
  const note = (row, value) => found.set(row, [...(found.get(row) ?? []), value]);
  for (let repetition = -1; repetition < repetitions; repetition++) {
    // The first round warms up.
    const keep = repetition < 0 ? () => undefined : note;
    await inLab(directory, (lab) => sandboxes(lab, keep));
    await inLab(directory, (lab) => networks(lab, keep));
    await inLab(directory, (lab) => ports(lab, keep));
    await inLab(directory, (lab) => down(lab, keep));
  }
  for (const [row, values] of found)
    record(row, who, statistics(values), row.includes(' : ') ? '×' : 'ms');
}

async function sandboxes(lab, note) {
  const network = await lab.network();
  await lab.close([await lab.open(network)]);
  const groups = [];
  const opening = [];
  for (let group = 0; group < 4; group++)
    opening.push(await timed(async () => groups.push(await lab.openMany(network, 50))));
  const closing = [];
  for (const group of groups) closing.push(await timed(() => lab.close(group)));
  note('open, each of 200 sandboxes', sum(opening) / 200);
  note('open, the last 50 of 200 sandboxes : the first 50', opening[3] / opening[0]);
  note('close, each of 200 sandboxes', sum(closing) / 200);
  // With the fewest beside them, against with the most.
  note('close, the last 50 of 200 sandboxes : the first 50', closing[3] / closing[0]);
  await lab.remove([network]);
}

async function networks(lab, note) {
  const groups = [];
  const opening = [];
  for (let group = 0; group < 5; group++) {
    const made = [];
    opening.push(
      await timed(async () => {
        for (let index = 0; index < 10; index++) {
          const network = await lab.network();
          made.push({ network, box: await lab.open(network) });
        }
      }),
    );
    groups.push(made);
  }
  const removing = [];
  for (const made of groups) {
    await lab.close(made.map(({ box }) => box));
    removing.push(await timed(() => lab.remove(made.map(({ network }) => network))));
  }
  note('open, each of 50 networks with a sandbox', sum(opening) / 50);
  note('open, the last 10 of 50 networks : the first 10', opening[4] / opening[0]);
  note('remove, each of 50 networks', sum(removing) / 50);
  note('remove, the last 10 of 50 networks : the first 10', removing[4] / removing[0]);
}

/** What a hundred ports add to the opening of a sandbox. */
async function ports(lab, note) {
  const network = await lab.network();
  const boxes = [await lab.open(network)];
  const costs = [];
  for (let hundred = 0; hundred < 10; hundred++) {
    const published = Array.from({ length: 100 }, (_, index) =>
      tcp(20_000 + hundred * 100 + index),
    );
    const without = await timed(async () => boxes.push(await lab.open(network)));
    const withPorts = await timed(async () => boxes.push(await lab.open(network, published)));
    costs.push((withPorts - without) / 100);
  }
  note('publish, each of the first 100 ports', costs[0]);
  note('publish, each of the last 100 of 1,000 ports', costs[9]);
  await lab.close(boxes);
  await lab.remove([network]);
}

async function down(lab, note) {
  const network = await lab.network();
  const boxes = await lab.openMany(network, 50, (index) => [tcp(30_000 + index)]);
  const elapsed = await timed(async () => {
    await lab.close(boxes);
    await lab.remove([network]);
  });
  note('network time of down, 50 sandboxes with 50 ports', elapsed);
}

function tcp(published) {
  return { protocol: 'tcp', hostIp: '0.0.0.0', published, target: 80 };
}

async function inLab(directory, work) {
  const namespaces = join(directory, `netns-${randomBytes(4).toString('hex')}`);
  await mkdir(namespaces);
  const controller = await NetworkController.open({
    instance: `tscompose-${randomBytes(3).toString('hex')}`,
    namespaces,
    records: { networks: memory(), sandboxes: memory(), forwarding: memory() },
    resolver: silentResolver,
    warn: (message) => process.stderr.write(`${message}\n`),
  });
  await controller.recover([]);
  await work(labOf(controller));
  controller.close();
}

function labOf(controller) {
  let made = 0;
  const open = async (networkId, published = []) => {
    const id = randomBytes(32).toString('hex');
    const request = { id, name: id, hostname: 'box', endpoints: [{ networkId }], ports: published };
    const { named, opened } = controller.openSandbox(request);
    const [handle] = await Promise.all([named, opened]);
    return { id, held: handle.held };
  };
  return {
    open,
    openMany: (networkId, count, portsOf = () => []) =>
      Promise.all(Array.from({ length: count }, (_, index) => open(networkId, portsOf(index)))),
    async network() {
      const id = randomBytes(32).toString('hex');
      // Docker's default pools have 31 subnets, and so have ours.
      const ipam = { pools: [{ subnet: `10.77.${made++}.0/24` }] };
      await controller.createNetwork({ id, name: id, ipam });
      return id;
    },
    async close(boxes) {
      await Promise.all(boxes.map(({ id }) => controller.closeSandbox(id)));
      for (const fd of boxes.flatMap(({ held }) => held)) closeFd(fd);
    },
    async remove(ids) {
      for (const id of ids) await controller.removeNetwork(id);
    },
  };
}

/** Records that end with the process; of the store's there is a benchmark in itself. */
function memory() {
  const records = new Map();
  return {
    values: () => [...records.values()],
    put: async (key, value) => void records.set(key, value),
    delete: async (key) => records.delete(key),
  };
}

const nothing = async () => undefined;
const silentResolver = {
  ...{ addSandbox: nothing, updateSandbox: nothing, removeSandbox: nothing },
  ...{ setNames: nothing, removeNetwork: nothing },
  list: async () => ({ sandboxIds: [], networkIds: [] }),
};

function sum(values) {
  return values.reduce((total, value) => total + value, 0);
}

async function timed(work) {
  const startedAt = performance.now();
  await work();
  return performance.now() - startedAt;
}
