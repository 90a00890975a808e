/** One engine's networks and containers with those around its host, everybody serving, and questions put to them. */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { Readable } from 'node:stream';

import type { ContainerInspect, PortMap } from '../../../../engine/api/index.ts';
import type { EngineClient } from '../../../../engine/client/index.ts';
import { addresses } from '../../../lib/lab/surroundings.mjs';
import type { Place, Surroundings } from '../../../lib/lab/surroundings.mjs';
import type { Case } from './cases.ts';
import {
  boxes,
  hostModePort,
  joinedPort,
  kinds,
  loopbackPort,
  ports,
  servicePort,
  type Box,
} from './kinds.ts';

const image = 'table:1';
const lab = new URL('../../../lib/lab/', import.meta.url).pathname;

export class World implements AsyncDisposable {
  readonly #client: EngineClient;
  readonly #places: Map<string, Place>;
  /** Of the names in cases. */
  readonly #addresses = new Map<string, string>(Object.entries(addresses));
  readonly #owners = new Map<string, string>();
  readonly #ends: (() => Promise<void>)[] = [];

  private constructor(client: EngineClient, { places }: Surroundings) {
    this.#client = client;
    this.#places = new Map<string, Place>(Object.entries(places));
  }

  static async make(client: EngineClient, surroundings: Surroundings): Promise<World> {
    const world = new World(client, surroundings);
    await world.#make();
    return world;
  }

  /** The answer to each: "no"; "yes"; or "yes, as X" where the one asked takes somebody else for the asker. */
  async ask(cases: readonly Case[], timeoutMs: number): Promise<ReadonlyMap<Case, string>> {
    const askers = [...new Set(cases.map(({ from }) => from))];
    const answers = await Promise.all(
      askers.map(async (from) => {
        const own = cases.filter((one) => one.from === from);
        const questions = own.map(({ protocol, address, port }) => ({
          ...{ protocol, port },
          address: this.#addresses.get(address) ?? address,
        }));
        const words = [process.execPath, `${lab}probe.cjs`, String(timeoutMs)];
        const told = await runWith(this.#enter(from, words), JSON.stringify(questions));
        const said = JSON.parse(told) as readonly (string | null)[];
        return own.map((one, index) => [one, this.#judge(one, said[index] ?? null)] as const);
      }),
    );
    return new Map(answers.flat());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const end of this.#ends.splice(0).reverse()) await end();
  }

  #judge({ from, protocol, server }: Case, said: string | null): string {
    if (said === null) return 'no';
    if (protocol === 'icmp') return 'yes';
    const [, name = '', seen = ''] = /^(.*) (\S+)$/.exec(said) ?? [];
    if (name !== server) return `answered by ${name}`;
    const asker = from === 'plain.joined' ? 'plain.b' : from === 'host.a' ? 'host' : from;
    const owner = this.#owners.get(seen) ?? seen;
    return owner === asker || ['127.0.0.1', '::1'].includes(seen) ? 'yes' : `yes, as ${owner}`;
  }

  #enter(name: string, words: readonly string[]): readonly string[] {
    const place = this.#places.get(name);
    if (place === undefined) throw new TypeError(`there is no place "${name}"`);
    return [...place.enter, ...words];
  }

  async #make(): Promise<void> {
    const tree = execFileSync('tar', ['-C', '/', '-c', 'bin/busybox'], { maxBuffer: 64 << 20 });
    await this.#client.images.import(Readable.from([tree]), { reference: image });
    for (const { name, request } of kinds) {
      if (request === null) continue;
      const { Id } = await this.#client.networks.create({ Name: nameOf(name), ...request });
      this.#ends.push(() => this.#client.networks.remove(Id));
    }
    const [alone, joined] = [boxes.filter(isAlone), boxes.filter((box) => !isAlone(box))];
    for (const some of [alone, joined]) await Promise.all(some.map((box) => this.#start(box)));
    await this.#findAddresses();
    await this.#serve();
  }

  async #start({ name, network, joins, alsoOn = [], publishes }: Box): Promise<void> {
    const mode = joins === undefined ? nameOf(network) : `container:${nameOf(joins)}`;
    const published = publishes === undefined ? {} : bindings(publishes);
    const { Id } = await this.#client.containers.create(
      {
        Image: image,
        Cmd: ['/bin/busybox', 'sleep', '1000'],
        ExposedPorts: Object.fromEntries(Object.keys(published).map((port) => [port, {}])),
        HostConfig: { NetworkMode: mode, PortBindings: published },
      },
      { name: nameOf(name) },
    );
    this.#ends.push(() => this.#client.containers.remove(Id, { force: true }));
    for (const other of alsoOn)
      await this.#client.networks.connect(nameOf(other), { Container: Id });
    await this.#client.containers.start(Id);
    const found = await this.#client.containers.inspect(Id);
    this.#places.set(name, { enter: ['nsenter', `--net=/proc/${found.State.Pid}/ns/net`] });
    this.#note(name, network, found);
  }

  #note(name: string, network: string, { NetworkSettings }: ContainerInspect): void {
    for (const [key, settings] of Object.entries(NetworkSettings.Networks)) {
      for (const [end, address] of [
        ['', settings.IPAddress ?? ''],
        ['6', settings.GlobalIPv6Address ?? ''],
      ] as const) {
        if (address === '') continue;
        this.#owners.set(address, name);
        if (key === nameOf(network)) this.#addresses.set(`${name}${end}`, address);
      }
    }
  }

  async #findAddresses(): Promise<void> {
    for (const { name, families } of kinds) {
      const { IPAM } = await this.#client.networks.inspect(nameOf(name));
      for (const family of families) {
        const gateway = (IPAM.Config ?? [])
          .map((pool) => pool.Gateway ?? '')
          .find((address) => address !== '' && address.includes(':') === (family === 6));
        if (gateway === undefined) throw new Error(`network "${name}" has no gateway`);
        this.#addresses.set(`${name}.gateway${family === 6 ? '6' : ''}`, gateway);
        this.#owners.set(gateway, 'host');
      }
    }
    for (const [name, address] of Object.entries(addresses)) {
      this.#owners.set(address, name.replaceAll(/6|Too/g, ''));
    }
  }

  async #serve(): Promise<void> {
    const everywhere = (port: number): string[] =>
      ['tcp', 'udp'].flatMap((protocol) =>
        ['0.0.0.0', '::'].map((address) => `${protocol}:${address}:${port}`),
      );
    const inside = Object.values(ports).flatMap(({ inside: port }) => everywhere(port));
    const own: Readonly<Record<string, readonly string[]>> = {
      'plain.joined': everywhere(joinedPort),
      'host.a': everywhere(hostModePort),
      'none.a': everywhere(servicePort),
      host: [...everywhere(servicePort), `tcp:127.0.0.1:${loopbackPort}`],
      ...Object.fromEntries(
        ['neighbour', 'outside', 'six'].map((name) => [name, everywhere(servicePort)]),
      ),
    };
    const servers = [...new Set([...boxes.map(({ name }) => name), ...Object.keys(own)])];
    await Promise.all(servers.map((name) => this.#serveAt(name, own[name] ?? inside)));
  }

  async #serveAt(name: string, listeners: readonly string[]): Promise<void> {
    const words = [process.execPath, `${lab}serve.cjs`, name, ...listeners];
    const [file = '', ...args] = this.#enter(name, words);
    const child = spawn(file, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    this.#ends.push(async () => {
      if (child.exitCode !== null || !child.kill('SIGKILL')) return;
      await once(child, 'exit');
    });
    const started = await Promise.race([once(child.stdout, 'data'), once(child, 'exit')]);
    if (child.exitCode !== null) throw new Error(`no server at ${name}: ${String(started)}`);
  }
}

function isAlone({ joins }: Box): boolean {
  return joins === undefined;
}

/** Of an object of the engine. */
function nameOf(name: string): string {
  return name.replaceAll(/[ :]/g, '-');
}

function bindings({ firstPort, families }: NonNullable<Box['publishes']>): PortMap {
  const tcp = Object.values(ports).flatMap(({ inside, after, hostIp }) => {
    if (hostIp === null) return [];
    const HostPort = String(firstPort + after);
    const addressesOf = [...new Set(families.map((family) => hostIp[family]))];
    return [[`${inside}/tcp`, addressesOf.map((HostIp) => ({ HostIp, HostPort }))] as const];
  });
  const { inside, after } = ports.published;
  const udp = [{ HostIp: '', HostPort: String(firstPort + after) }];
  return { ...Object.fromEntries(tcp), [`${inside}/udp`]: udp };
}

async function runWith([file = '', ...args]: readonly string[], input: string): Promise<string> {
  const child = spawn(file, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  child.stdin.end(input);
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  await once(child, 'close');
  return output;
}
