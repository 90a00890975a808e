/**
 * A laboratory of namespaces. The test process lives in a throw-away namespace (test/lib/in-netns.mjs), which plays the
 * host; sandboxes are the controller's, neighbours are namespaces of processes that end with their standard input.
 */
import { execFile, spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { mkdir, readFile } from 'node:fs/promises';
import { once } from 'node:events';
import { promisify } from 'node:util';
import { createId } from '../../../engine/lib/index.ts';
import { closeFd } from '../../../native/index.ts';
import { NetworkController, Resolver } from '../../../network/index.ts';
import type { ResolverOptions } from '../../../network/dns/resolver.ts';
import type {
  Kernel,
  NameEntry,
  NetworkRecords,
  NetworkRequest,
  PortRequest,
  ProxyOptions,
  Records,
  ResolvedSandbox,
  ResolverPort,
  SandboxHandle,
  SandboxRequest,
} from '../../../network/index.ts';
import { eventually } from '../../lib/eventually.ts';
import { tempDir } from '../../lib/temp-dir.ts';

const execute = promisify(execFile);

export async function run(file: string, ...args: readonly string[]): Promise<string> {
  const { stdout } = await execute(file, args, { encoding: 'utf8' });
  return stdout;
}

export class MemoryRecords<T> implements Records<T> {
  readonly #records = new Map<string, T>();

  values(): readonly T[] {
    return [...this.#records.values()];
  }

  put(key: string, value: T): Promise<void> {
    this.#records.set(key, value);
    return Promise.resolve();
  }

  delete(key: string): Promise<boolean> {
    return Promise.resolve(this.#records.delete(key));
  }
}

/** Remembers what it was told; outlives controllers, as the resolver does. */
export class RememberingResolver implements ResolverPort {
  readonly sandboxes = new Map<string, Omit<ResolvedSandbox, 'sockets'>>();
  readonly names = new Map<string, readonly NameEntry[]>();

  addSandbox({ sockets: _, ...sandbox }: ResolvedSandbox): Promise<void> {
    this.sandboxes.set(sandbox.id, sandbox);
    return Promise.resolve();
  }

  updateSandbox(sandbox: Omit<ResolvedSandbox, 'sockets'>): Promise<void> {
    this.sandboxes.set(sandbox.id, sandbox);
    return Promise.resolve();
  }

  removeSandbox(id: string): Promise<void> {
    this.sandboxes.delete(id);
    return Promise.resolve();
  }

  setNames(networkId: string, entries: readonly NameEntry[]): Promise<void> {
    this.names.set(networkId, entries);
    return Promise.resolve();
  }

  removeNetwork(id: string): Promise<void> {
    this.names.delete(id);
    return Promise.resolve();
  }

  list(): Promise<{ sandboxIds: readonly string[]; networkIds: readonly string[] }> {
    return Promise.resolve({
      sandboxIds: [...this.sandboxes.keys()],
      networkIds: [...this.names.keys()],
    });
  }
}

export class Lab implements AsyncDisposable {
  readonly instance = `tscompose-${createId().slice(0, 6)}`;
  readonly records: NetworkRecords = {
    networks: new MemoryRecords(),
    sandboxes: new MemoryRecords(),
    forwarding: new MemoryRecords(),
  };
  readonly resolver: ResolverPort;
  readonly warnings: string[] = [];
  readonly #cleanups: (() => unknown)[] = [];
  #namespaces = '';
  #proxy: ResolverOptions | null = null;
  #controller: NetworkController | null = null;

  private constructor(resolver: ResolverPort) {
    this.resolver = resolver;
  }

  static async open(
    resolver: ResolverPort = new RememberingResolver(),
    { runRoot = null }: { readonly runRoot?: string | null } = {},
  ): Promise<Lab> {
    const lab = new Lab(resolver);
    if (runRoot !== null) lab.#proxy = { runRoot, name: 'proxy' };
    const directory = await tempDir();
    lab.onEnd(() => directory[Symbol.asyncDispose]());
    lab.#namespaces = `${directory.path}/netns`;
    await mkdir(lab.#namespaces);
    await lab.restart([]);
    return lab;
  }

  get namespaces(): string {
    return this.#namespaces;
  }

  get controller(): NetworkController {
    if (this.#controller === null) throw new Error('the laboratory has no controller');
    return this.#controller;
  }

  /** What happens at the end, latest first. */
  onEnd(cleanup: () => unknown): void {
    this.#cleanups.push(cleanup);
  }

  /** A new engine on what the earlier one left. */
  async restart(
    liveIds: readonly string[],
    kernel?: Kernel,
    options: { readonly keepsSpare?: boolean } = {},
  ): Promise<void> {
    this.#controller?.close();
    this.#controller = await this.openController(kernel, options);
    await this.#controller.recover(liveIds);
  }

  async openController(
    kernel?: Kernel,
    { keepsSpare = false }: { readonly keepsSpare?: boolean } = {},
  ): Promise<NetworkController> {
    return await NetworkController.open({
      keepsSpare,
      instance: this.instance,
      namespaces: this.#namespaces,
      records: this.records,
      resolver: this.resolver,
      globalId: () => Promise.resolve(Uint8Array.of(0, 0, 0, 0, 7)),
      warn: (message) => this.warnings.push(message),
      ...(kernel === undefined ? {} : { kernel }),
      ...(this.#proxy === null ? {} : { proxy: proxyOf(this.#proxy) }),
    });
  }

  /** As if it had been killed. */
  async stopProxy(): Promise<void> {
    if (this.#proxy !== null) await (await Resolver.adopt(this.#proxy))?.stop();
  }

  async network(request: Partial<NetworkRequest> = {}): Promise<string> {
    const id = createId();
    await this.controller.createNetwork({ id, name: `net-${id.slice(0, 6)}`, ...request });
    return id;
  }

  async sandbox(
    networkIds: readonly string[],
    { ports = [], ...more }: Partial<SandboxRequest> = {},
  ): Promise<SandboxHandle & { readonly id: string }> {
    const request = sandboxRequest(networkIds, { ports, ...more });
    const handle = await openSandbox(this.controller, request);
    this.onEnd(() => {
      for (const fd of handle.held) closeFd(fd);
    });
    return { ...handle, id: request.id };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const cleanup of this.#cleanups.splice(1).reverse()) await cleanup();
    await this.restart([]);
    for (const { id } of this.controller.list()) await this.controller.removeNetwork(id);
    this.controller.close();
    for (const cleanup of this.#cleanups.splice(0)) await cleanup();
  }
}

function proxyOf(options: ResolverOptions): ProxyOptions {
  return { adopt: () => Resolver.adopt(options), start: () => Resolver.start(options) };
}

/** Waits for both halves; gives the sockets back where the second one fails. */
export async function openSandbox(
  controller: NetworkController,
  request: SandboxRequest,
): Promise<SandboxHandle> {
  const { named, opened } = controller.openSandbox(request);
  const handle = await named;
  try {
    await opened;
    return handle;
  } catch (error) {
    for (const fd of handle.held) closeFd(fd);
    throw error;
  }
}

export function sandboxRequest(
  networkIds: readonly string[],
  more: Partial<SandboxRequest> = {},
): SandboxRequest {
  const id = createId();
  const name = `box-${id.slice(0, 6)}`;
  return {
    id,
    name,
    hostname: name,
    endpoints: networkIds.map((networkId) => ({ networkId })),
    ports: [],
    ...more,
  };
}

export function tcp(published: number, target: number, hostIp = ''): PortRequest {
  return { protocol: 'tcp', hostIp, published, target };
}

/** Where a process runs: "" is the host, a path is a sandbox, a process is a neighbour. */
export type Place = { readonly path: string } | { readonly pid: number } | 'host';

function enter(place: Place): readonly string[] {
  if (place === 'host') return [];
  return ['nsenter', 'path' in place ? `--net=${place.path}` : `--net=/proc/${place.pid}/ns/net`];
}

export async function runIn(place: Place, ...command: readonly string[]): Promise<string> {
  const [file = '', ...args] = [...enter(place), ...command];
  return await run(file, ...args);
}

/** A program in a place, until the laboratory closes. */
export function startIn(lab: Lab, place: Place, ...command: readonly string[]): ChildProcess {
  const [file = '', ...args] = [...enter(place), ...command];
  const child = spawn(file, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  lab.onEnd(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGKILL');
    await once(child, 'exit');
  });
  return child;
}

const tcpServer = `require('net').createServer((c) => { c.on('error', () => {}); c.end(process.argv[3] + ' ' + c.remoteAddress); })
  .listen(+process.argv[2], process.argv[1], () => console.log('ready'));`;
const udpServer = `const s = require('dgram').createSocket(process.argv[1].includes(':') ? 'udp6' : 'udp4');
  s.on('message', (m, r) => s.send(process.argv[3] + ' ' + r.address, r.port, r.address)).bind(+process.argv[2], process.argv[1], () => console.log('ready'));`;
const tcpClient = `const c = require('net').connect({ host: process.argv[1], port: +process.argv[2] }); let t = '';
  c.setTimeout(1000, () => { console.log('timeout'); process.exit(); });
  c.on('data', (d) => { t += d; }).on('error', (e) => { console.log(e.code); process.exit(); }).on('end', () => { console.log(t); process.exit(); });`;
const udpClient = `const s = require('dgram').createSocket('udp4');
  s.on('message', (m) => { console.log(String(m)); process.exit(); }).on('error', (e) => { console.log(e.code); process.exit(); });
  s.connect(+process.argv[2], process.argv[1], () => s.send('x')); setTimeout(() => { console.log('timeout'); process.exit(); }, 1000);`;

/** A server that answers with `answer` and the address its client has for it. */
export async function serve(
  lab: Lab,
  place: Place,
  { address = '0.0.0.0', port, answer, protocol = 'tcp' }: ServerOptions,
): Promise<ChildProcess> {
  const script = protocol === 'tcp' ? tcpServer : udpServer;
  const child = startIn(lab, place, process.execPath, '-e', script, address, String(port), answer);
  const { stdout } = child;
  if (stdout === null) throw new Error('a server has no output');
  await once(stdout, 'data');
  return child;
}

export interface ServerOptions {
  readonly address?: string;
  readonly port: number;
  readonly answer: string;
  readonly protocol?: 'tcp' | 'udp';
}

/** What the server says, or "timeout", or an errno. */
export async function ask(place: Place, address: string, port: number): Promise<string> {
  return await runClient(place, tcpClient, [address, port]);
}

export async function askUdp(place: Place, address: string, port: number): Promise<string> {
  return await runClient(place, udpClient, [address, port]);
}

async function runClient(
  place: Place,
  script: string,
  [address, port]: readonly [string, number],
): Promise<string> {
  const output = await runIn(place, process.execPath, '-e', script, address, String(port));
  return output.trim();
}

/** A namespace on a veth pair with the host: `hostAddress` on our end, `address` on theirs, both /24. */
export async function neighbour(
  lab: Lab,
  { link, hostAddress, address }: { link: string; hostAddress: string; address: string },
): Promise<{ readonly pid: number }> {
  const child = spawn('unshare', ['--net', 'cat'], { stdio: ['pipe', 'ignore', 'inherit'] });
  const { pid } = child;
  if (pid === undefined) throw new Error('unshare has no pid');
  lab.onEnd(async () => {
    child.stdin.end();
    await once(child, 'exit');
    await run('ip', 'link', 'delete', link).catch(() => '');
  });
  await eventually(async () => {
    if ((await readFile(`/proc/${pid}/comm`, 'utf8')).trim() !== 'cat') throw new Error('not yet');
  });
  await run(
    'ip',
    'link',
    'add',
    link,
    'type',
    'veth',
    'peer',
    'name',
    'eth0',
    'netns',
    String(pid),
  );
  await run('ip', 'address', 'add', `${hostAddress}/24`, 'dev', link);
  await run('ip', 'link', 'set', link, 'up');
  for (const command of [
    ['link', 'set', 'lo', 'up'],
    ['address', 'add', `${address}/24`, 'dev', 'eth0'],
    ['link', 'set', 'eth0', 'up'],
  ])
    await runIn({ pid }, 'ip', ...command);
  return { pid };
}

/** Everything that must be as before at the end. */
export async function inventory(lab: Lab): Promise<Record<string, string>> {
  const [links, rules, routes, mounts] = await Promise.all([
    run('ip', '-br', 'link'),
    run('nft', '-s', 'list', 'ruleset'),
    run('ip', 'route'),
    readFile('/proc/self/mountinfo', 'utf8'),
  ]);
  const ours = mounts.split('\n').filter((line) => line.includes(lab.namespaces));
  return {
    links: links.replace(/\s+[0-9a-f:]{17}.*/g, ''),
    rules,
    routes,
    mounts: ours.join('\n'),
  };
}
