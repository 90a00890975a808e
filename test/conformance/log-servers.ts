/** Servers that logs are sent to. */
import { execFileSync, spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { createServer as createTlsServer } from 'node:tls';

import { eventually } from '../lib/eventually.ts';

export interface LogServer extends AsyncDisposable {
  /** Everything so far. */
  readonly text: () => string;
}

export async function udpServer(port: number): Promise<LogServer> {
  const socket = createSocket('udp4');
  const messages: string[] = [];
  socket.on('message', (bytes) => messages.push(bytes.toString()));
  socket.bind(port, '127.0.0.1');
  await once(socket, 'listening');
  return {
    text: () => messages.join(''),
    [Symbol.asyncDispose]: async () => {
      socket.close();
      await once(socket, 'close');
    },
  };
}

export interface StreamServer extends LogServer {
  /** Breaks every connection and refuses new ones. */
  down(): Promise<void>;
  up(): Promise<void>;
  /** Reads nothing, like a server that hangs. */
  stall(isStalled: boolean): void;
}

export async function tcpServer(
  port: number,
  tls?: { readonly key: Buffer; readonly cert: Buffer },
): Promise<StreamServer> {
  let text = '';
  let isStalled = false;
  let server: Server | null = null;
  const sockets = new Set<Socket>();
  const accept = (socket: Socket): void => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => sockets.delete(socket));
    socket.on('data', (bytes: Buffer) => (text += bytes.toString()));
    if (isStalled) socket.pause();
  };
  const down = async (): Promise<void> => {
    if (server === null) return;
    const closed = once(server, 'close');
    server.close();
    server = null;
    for (const socket of sockets) socket.destroy();
    await closed;
  };
  const up = async (): Promise<void> => {
    server = tls === undefined ? createServer(accept) : createTlsServer(tls, accept);
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
  };
  await up();
  return {
    ...{ down, up },
    text: () => text,
    stall: (stalled) => {
      isStalled = stalled;
      for (const socket of sockets) {
        if (stalled) socket.pause();
        else socket.resume();
      }
    },
    [Symbol.asyncDispose]: down,
  };
}

export function selfSigned(directory: string): {
  readonly keyFile: string;
  readonly certFile: string;
} {
  const keyFile = join(directory, 'key.pem');
  const certFile = join(directory, 'cert.pem');
  execFileSync(
    'openssl',
    [
      ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'],
      ...['-keyout', keyFile, '-out', certFile, '-days', '2', '-subj', '/CN=localhost'],
      ...['-addext', 'subjectAltName=IP:127.0.0.1,DNS:localhost'],
    ],
    { stdio: 'ignore' },
  );
  return { keyFile, certFile };
}

export interface Rsyslog extends LogServer {
  readonly socket: string;
}

/** Debian's own, on a TCP port and a datagram socket; each line is `facility.severity name: message`. */
export async function rsyslog(directory: string, port: number): Promise<Rsyslog> {
  mkdirSync(directory);
  const [socket, out, conf] = ['log', 'out', 'conf'].map((name) => join(directory, name)) as [
    string,
    string,
    string,
  ];
  writeFileSync(out, '');
  writeFileSync(
    conf,
    `global(workDirectory="${directory}" maxMessageSize="64k")
module(load="imuxsock" SysSock.Use="off")
input(type="imuxsock" Socket="${socket}" RateLimit.Interval="0")
module(load="imtcp")
input(type="imtcp" address="127.0.0.1" port="${port}")
template(name="t" type="string" string="%syslogfacility-text%.%syslogseverity-text% %app-name%: %msg%\\n")
*.* action(type="omfile" file="${out}" template="t")
`,
  );
  const child = spawn('rsyslogd', ['-n', '-f', conf, '-i', join(directory, 'pid')], {
    stdio: 'ignore',
  });
  await eventually(() => {
    execFileSync('sh', ['-c', `test -S ${socket} && ss -Hlnt sport = :${port} | grep -q .`]);
  });
  return {
    socket,
    text: () => readFileSync(out, 'utf8'),
    [Symbol.asyncDispose]: async () => {
      child.kill('SIGKILL');
      await once(child, 'exit');
    },
  };
}

/** Decodes with an implementation that is not ours, and answers where an answer is asked for. */
const fluentdScript = `
import socket, sys, json, msgpack
server = socket.create_server(('127.0.0.1', int(sys.argv[1])))
print('ready', flush=True)
def hook(code, data):
    return {'sec': int.from_bytes(data[:4], 'big'), 'nsec': int.from_bytes(data[4:], 'big')} if code == 0 else None
while True:
    peer, _ = server.accept()
    unpacker = msgpack.Unpacker(ext_hook=hook, raw=True)
    while True:
        data = peer.recv(65536)
        if not data: break
        unpacker.feed(data)
        for tag, events, option in unpacker:
            assert option[b'size'] == len(events)
            for time, record in events:
                text = {k.decode(): v.decode('latin1') for k, v in record.items()}
                print(json.dumps({'tag': tag.decode(), 'time': time, 'record': text, 'acked': b'chunk' in option}), flush=True)
            if b'chunk' in option:
                peer.sendall(msgpack.packb({b'ack': option[b'chunk']}))
    peer.close()
`;

export interface FluentdEvent {
  readonly tag: string;
  readonly time: number | { readonly sec: number; readonly nsec: number };
  readonly record: Readonly<Record<string, string>>;
  readonly acked: boolean;
}

export interface Fluentd extends AsyncDisposable {
  readonly events: () => readonly FluentdEvent[];
}

export async function fluentd(port: number): Promise<Fluentd> {
  const child = spawn('/usr/bin/python3', ['-c', fluentdScript, String(port)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let text = '';
  child.stdout.on('data', (bytes: Buffer) => (text += bytes.toString()));
  await eventually(() => {
    if (!text.startsWith('ready\n')) throw new Error('not yet');
  });
  return {
    events: () =>
      text
        .split('\n')
        .slice(1, -1)
        .map((line) => JSON.parse(line) as FluentdEvent),
    [Symbol.asyncDispose]: async () => {
      child.kill('SIGKILL');
      await once(child, 'exit');
    },
  };
}
