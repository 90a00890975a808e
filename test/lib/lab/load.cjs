// Asks at an even pace from where it runs, and prints as JSON how many were asked and what became of the failed ones:
// `load.cjs tcp ADDRESS PORT COUNT SECONDS` expects words from serve.cjs on a connection each,
// `load.cjs dns NAME COUNT SECONDS` expects an address from the name server at 127.0.0.11.
const { Resolver } = require('node:dns').promises;
const { connect } = require('node:net');
const { setTimeout: delay } = require('node:timers/promises');

const patienceMs = 5_000;
const [kind, ...target] = process.argv.slice(2);
const [count, seconds] = target.splice(-2).map(Number);
const ask = { tcp: askTcp, dns: askDns }[kind];

function askTcp([host, port]) {
  return new Promise((resolve, reject) => {
    let said = '';
    const socket = connect({ host, port: Number(port) }).setTimeout(patienceMs);
    socket.on('data', (text) => (said += text)).on('error', reject);
    socket.on('timeout', () => socket.destroy(new Error('timeout')));
    socket.on('end', () => (said === '' ? reject(new Error('no words')) : resolve()));
  });
}

// One try each: a resolver of a C library would ask again.
const resolver = new Resolver({ timeout: patienceMs, tries: 1 });
resolver.setServers(['127.0.0.11']);

async function askDns([name]) {
  const [address] = await resolver.resolve4(name);
  if (address === undefined) throw new Error('no address');
}

async function main() {
  const failures = {};
  const asked = [];
  const beganAt = performance.now();
  for (let index = 0; index < count; index++) {
    const dueAt = beganAt + (index * seconds * 1000) / count;
    const early = dueAt - performance.now();
    if (early > 1) await delay(early);
    asked.push(
      ask(target).catch((error) => {
        const name = error.code ?? error.message;
        failures[name] = (failures[name] ?? 0) + 1;
      }),
    );
  }
  await Promise.all(asked);
  process.stdout.write(JSON.stringify({ asked: asked.length, failures }), () => process.exit());
}

main();
