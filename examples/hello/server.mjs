// A page that counts how often it was asked for. Redis holds the count, so it outlives this process and its container.
import { createServer } from 'node:http';
import { connect } from 'node:net';

const redis = { host: process.env.REDIS_HOST ?? 'redis', port: 6379 };
const port = 3000;

/** Sends one command and resolves with its reply: RESP, the protocol of Redis, for the two replies that INCR has. */
function ask(...words) {
  return new Promise((resolve, reject) => {
    const socket = connect(redis, () => {
      const parts = words.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`);
      socket.write(`*${words.length}\r\n${parts.join('')}`);
    });
    let reply = '';
    socket.setTimeout(2000, () => socket.destroy(new Error('Redis did not answer')));
    socket.on('error', reject);
    socket.on('close', () => reject(new Error('Redis closed the connection')));
    socket.on('data', (bytes) => {
      reply += bytes;
      if (!reply.endsWith('\r\n')) return;
      socket.end();
      const text = reply.slice(1, -2);
      if (reply.startsWith(':')) resolve(Number(text));
      else reject(new Error(text));
    });
  });
}

const server = createServer((request, response) => {
  if (request.url !== '/') {
    response.writeHead(404).end('not found\n');
    return;
  }
  ask('INCR', 'hits').then(
    (hits) => {
      console.log(`visit ${hits}`);
      response.end(`Hello! You are visitor number ${hits}.\n`);
    },
    (error) => {
      console.error(`cannot count: ${error.message}`);
      response.writeHead(503).end('the counter is not there yet, try again\n');
    },
  );
});

server.listen(port, () => console.log(`listening on port ${port}`));

// The first process of a container gets no default action for signals: without this, stopping would end in a kill.
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.exit(0));
