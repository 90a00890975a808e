import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { createServer, connect, type AddressInfo, type Server } from 'node:net';
import { decode, encode, RECURSION_DESIRED, type DecodedPacket, type Packet } from 'dns-packet';
import { closeFd, isSyscallError, openSocket, socketPort } from '../../../native/index.ts';
import type { Fd } from '../../../native/index.ts';
import { Resolver, type ResolverOptions } from '../../../network/dns/resolver.ts';
import { tempDir } from '../../lib/temp-dir.ts';

/** A resolver of its own, stopped at the end. */
export interface Bench extends AsyncDisposable {
  readonly resolver: Resolver;
  readonly runRoot: string;
}

export async function startBench(options: Partial<ResolverOptions> = {}): Promise<Bench> {
  const dir = await tempDir();
  // See test/native/Makefile: the same suite against a resolver with sanitizers.
  const resolverPath = process.env['TEST_RESOLVER'];
  const program = resolverPath === undefined ? {} : { resolverPath };
  const resolver = await Resolver.start({ runRoot: dir.path, ...program, ...options });
  return {
    resolver,
    runRoot: dir.path,
    [Symbol.asyncDispose]: async () => {
      await resolver.stop();
      await dir[Symbol.asyncDispose]();
    },
  };
}

export interface SandboxOptions {
  readonly id?: string;
  readonly networkIds?: readonly string[];
  readonly upstreams?: readonly string[];
}

/** A sandbox whose sockets are on 127.0.0.1 of the test's namespace; returns the port. */
export async function addSandbox(
  resolver: Resolver,
  options: SandboxOptions = {},
): Promise<number> {
  const { id = 'sandbox', networkIds = ['net'], upstreams = [] } = options;
  const { udp, tcp, port } = await openPair();
  try {
    await resolver.addSandbox({ id, sockets: { udp, tcp }, networkIds, upstreams });
  } finally {
    closeFd(udp);
    closeFd(tcp);
  }
  return port;
}

/** Of one number, which the kernel has chosen for UDP: for TCP somebody else may have it. */
async function openPair(): Promise<{ udp: Fd; tcp: Fd; port: number }> {
  const bind = { address: '127.0.0.1', port: 0 };
  for (let attempt = 0; ; attempt++) {
    const udp = await openSocket({ family: 'inet', type: 'dgram', bind });
    const port = socketPort(udp);
    try {
      const tcp = await openSocket({ family: 'inet', bind: { ...bind, port }, listen: 16 });
      return { udp, tcp, port };
    } catch (error) {
      closeFd(udp);
      if (!isSyscallError(error, 'EADDRINUSE') || attempt === 10) throw error;
    }
  }
}

export function query(name: string, type: 'A' | 'AAAA' | 'PTR' | 'TXT' = 'A', id = 4711): Packet {
  return { type: 'query', id, flags: RECURSION_DESIRED, questions: [{ type, name, class: 'IN' }] };
}

/** Sends bytes from a socket of its own and returns the first datagram that comes back. */
export async function exchange(port: number, bytes: Uint8Array): Promise<Buffer> {
  const socket = createSocket('udp4');
  try {
    socket.send(bytes, port, '127.0.0.1');
    const [reply] = (await once(socket, 'message', { signal: AbortSignal.timeout(10_000) })) as [
      Buffer,
    ];
    return reply;
  } finally {
    socket.close();
  }
}

export async function ask(port: number, packet: Packet): Promise<DecodedPacket> {
  return decode(await exchange(port, encode(packet)));
}

/** "10.0.0.1 10.0.0.2", or the code when it is not NOERROR. */
export async function addresses(port: number, name: string): Promise<string> {
  return summary(await ask(port, query(name)));
}

export function summary(reply: DecodedPacket): string {
  const rcode = (reply as DecodedPacket & { rcode: string }).rcode;
  if (rcode !== 'NOERROR') return rcode;
  const data = (reply.answers ?? []).map((answer) => ('data' in answer ? answer.data : undefined));
  return data.filter((value) => typeof value === 'string').join(' ');
}

/** Sends length-prefixed messages over one connection and returns as many replies. */
export async function askStream(
  port: number,
  packets: readonly Packet[],
): Promise<DecodedPacket[]> {
  const socket = connect(port, '127.0.0.1');
  const replies: DecodedPacket[] = [];
  let unread: Buffer = Buffer.alloc(0);
  try {
    socket.write(Buffer.concat(packets.map((packet) => framed(encode(packet)))));
    for await (const chunk of socket as AsyncIterable<Buffer>) {
      unread = Buffer.concat([unread, chunk]);
      while (unread.length >= 2 && unread.length >= 2 + unread.readUInt16BE(0)) {
        const end = 2 + unread.readUInt16BE(0);
        replies.push(decode(unread.subarray(2, end)));
        unread = unread.subarray(end);
      }
      if (replies.length === packets.length) break;
    }
    return replies;
  } finally {
    socket.destroy();
  }
}

export function framed(message: Uint8Array): Buffer {
  const length = Buffer.alloc(2);
  length.writeUInt16BE(message.length);
  return Buffer.concat([length, message]);
}

/** What an upstream of a test does with a query: answer, answer several times, or stay silent. */
export type Behaviour = (query: DecodedPacket, bytes: Buffer) => readonly Uint8Array[];

export interface Upstream extends Disposable {
  readonly address: string;
  readonly queries: Buffer[];
  readonly ports: Set<number>;
}

export async function startUpstream(behave: Behaviour): Promise<Upstream> {
  const udp = createSocket('udp4');
  udp.bind(0, '127.0.0.1');
  await once(udp, 'listening');
  const { port } = udp.address();
  const queries: Buffer[] = [];
  const ports = new Set<number>();
  udp.on('message', (bytes, peer) => {
    queries.push(bytes);
    ports.add(peer.port);
    for (const reply of behave(decode(bytes), bytes)) udp.send(reply, peer.port, peer.address);
  });
  const tcp = await serveStream(port, behave, queries);
  return {
    address: `127.0.0.1:${port}`,
    queries,
    ports,
    [Symbol.dispose]: () => {
      close(udp, tcp);
    },
  };
}

async function serveStream(port: number, behave: Behaviour, queries: Buffer[]): Promise<Server> {
  const server = createServer((socket) => {
    let unread: Buffer = Buffer.alloc(0);
    socket.on('error', () => socket.destroy());
    socket.on('data', (chunk) => {
      unread = Buffer.concat([unread, chunk]);
      if (unread.length < 2 || unread.length < 2 + unread.readUInt16BE(0)) return;
      const bytes = unread.subarray(2);
      queries.push(bytes);
      for (const reply of behave(decode(bytes), bytes)) {
        // In two pieces, as a network may deliver it.
        const whole = framed(reply);
        socket.write(whole.subarray(0, 3));
        setImmediate(() => socket.write(whole.subarray(3)));
      }
    });
  });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  return server;
}

function close(udp: Socket, tcp: Server): void {
  udp.close();
  tcp.close();
}

export function reply(to: DecodedPacket, data: readonly string[], rcode = 0): Buffer {
  const [question] = to.questions ?? [];
  return encode({
    type: 'response',
    id: to.id ?? 0,
    flags: rcode,
    questions: to.questions ?? [],
    answers: data.map((address) => ({
      type: 'A',
      name: question?.name ?? '',
      ttl: 60,
      data: address,
    })),
  });
}

/** A port of 127.0.0.1 where nobody listens. */
export async function closedPort(): Promise<string> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return `127.0.0.1:${port}`;
}
