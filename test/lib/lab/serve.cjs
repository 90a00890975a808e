// Answers on the ports of where it runs with its name and the address that its client has for it:
// `serve.cjs NAME tcp:ADDRESS:PORT udp:ADDRESS:PORT …`; an address may be of IPv6. Prints a line once all listen.
const { createSocket } = require('node:dgram');
const { createServer } = require('node:net');

const [name, ...listeners] = process.argv.slice(2);

function serveTcp(host, port) {
  const server = createServer((client) => {
    client.on('error', () => undefined);
    client.end(`${name} ${client.remoteAddress}`);
  });
  return new Promise((resolve, reject) => {
    server.on('error', reject).listen({ host, port, ipv6Only: true }, resolve);
  });
}

function serveUdp(host, port) {
  const socket = createSocket(host.includes(':') ? { type: 'udp6', ipv6Only: true } : 'udp4');
  return new Promise((resolve, reject) => {
    socket.on('error', reject).on('message', (_question, { address, port: back }) => {
      socket.send(`${name} ${address}`, back, address, () => undefined);
    });
    socket.bind(port, host, resolve);
  });
}

Promise.all(
  listeners.map((listener) => {
    const [, protocol, host, port] = /^(tcp|udp):(.+):(\d+)$/.exec(listener);
    return (protocol === 'tcp' ? serveTcp : serveUdp)(host, Number(port));
  }),
).then(() => console.log('ready'));
