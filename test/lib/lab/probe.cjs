// Asks all at once, from where it runs: `probe.cjs TIMEOUT_MS`, questions as JSON on standard input, each
// { protocol: "tcp" | "udp" | "icmp", address, port }. Prints what each was told, as JSON: the words of the one who answers
// (serve.cjs; "echo" for icmp), or null for silence and refusal.
const { execFile } = require('node:child_process');
const { createSocket } = require('node:dgram');
const { connect } = require('node:net');

const timeoutMs = Number(process.argv[2]);
const questionsPerSocket = 3;

const ask = { tcp: askTcp, udp: askUdp, icmp: askIcmp };

function askTcp({ address, port }) {
  return new Promise((resolve) => {
    let said = '';
    const socket = connect({ host: address, port });
    const end = (answer) => {
      socket.destroy();
      resolve(answer);
    };
    setTimeout(() => end(null), timeoutMs);
    socket.on('data', (text) => (said += text));
    socket.on('error', () => end(null)).on('end', () => end(said === '' ? null : said));
  });
}

/** Only an answer from the address that was asked counts; a datagram may be lost before that is found on the link. */
function askUdp({ address, port }) {
  return new Promise((resolve) => {
    const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4');
    const timers = [setTimeout(() => end(null), timeoutMs)];
    const end = (answer) => {
      timers.forEach(clearTimeout);
      resolve(answer);
      socket
        .removeAllListeners()
        .on('error', () => undefined)
        .close();
    };
    socket.on('error', () => end(null)).on('message', (text) => end(String(text)));
    socket.connect(port, address, (error) => {
      if (error) return end(null);
      const send = () => socket.send('?');
      send();
      timers.push(setInterval(send, timeoutMs / questionsPerSocket));
    });
  });
}

function askIcmp({ address }) {
  const family = address.includes(':') ? '-6' : '-4';
  const wait = String(Math.ceil(timeoutMs / 1000));
  return new Promise((resolve) => {
    execFile('busybox', ['ping', family, '-c', '1', '-W', wait, address], (error) =>
      resolve(error === null ? 'echo' : null),
    );
  });
}

let text = '';
process.stdin
  .on('data', (part) => (text += part))
  .on('end', async () => {
    const answers = await Promise.all(JSON.parse(text).map((one) => ask[one.protocol](one)));
    process.stdout.write(JSON.stringify(answers), () => process.exit());
  });
