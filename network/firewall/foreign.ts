/**
 * Chains of others that would drop what our own table has let through: an accept of ours does not override a drop of
 * theirs. Docker leaves DOCKER-USER to others, and a FORWARD chain that drops by default (ufw, Docker) can be entered at
 * its head. We add two rules for all bridges of all our engines, and never flush or replace what is not ours.
 */
import { readFile } from 'node:fs/promises';
import {
  beginBatch,
  decodeChain,
  decodeRule,
  deleteRule,
  endBatch,
  getChains,
  getRules,
  newRule,
  NFPROTO_INET,
  NFPROTO_IPV4,
  NFPROTO_IPV6,
} from '../netlink/nf-tables.ts';
import type { Chain, Rule } from '../netlink/nf-tables.ts';
import {
  CMP_EQ,
  META_IIFNAME,
  META_OIFNAME,
  NF_ACCEPT,
  NF_DROP,
} from '../netlink/nf-expressions.ts';
import { encodeExpressions } from '../netlink/nf-expressions.ts';
import type { Expression } from '../netlink/nf-expressions.ts';
import { refusal } from '../netlink/socket.ts';
import type { NetlinkRequest, NetlinkSocket } from '../netlink/socket.ts';
import { bridgePrefix } from '../names.ts';

/** iptables and ip6tables have a table each. */
const iptablesFamilies = [NFPROTO_IPV4, NFPROTO_IPV6] as const;
const hookForward = 2;
/** IFNAMSIZ, netdevice(7). */
const interfaceNameBytes = 16;
const filterTable = 'filter';
const dockerChain = 'DOCKER-USER';
const forwardChain = 'FORWARD';

/** What may still drop our traffic, as sentences for the user. */
export type Obstacles = readonly string[];

export interface ForeignRules {
  readonly obstacles: Obstacles;
  /** What guards this host, by name: "ufw", "firewalld"; null for neither. */
  readonly guard: string | null;
}

/** Makes sure that our rules stand where Docker or a default drop needs them. `named` are bridges without our prefix. */
export async function admitBridges(
  socket: NetlinkSocket,
  named: readonly string[] = [],
): Promise<ForeignRules> {
  const wanted = [...admissions, ...named.flatMap(admissionsOf)];
  const chains = await listChains(socket);
  const requests: NetlinkRequest[] = [];
  for (const family of iptablesFamilies) {
    const target = chooseChain(chains, family);
    if (target === null) continue;
    const present = await ourRules(socket, target, wanted);
    const missing = wanted.filter(
      (one) => !present.some((rule) => isSameRule(rule.expressions, one)),
    );
    for (const expressions of missing)
      requests.push(newRule({ ...target, expressions, handle: null }, 'first'));
  }
  await transact(socket, requests);
  return {
    obstacles: [...obstacles(chains), ...(await legacyObstacles())],
    guard: guardOf(chains),
  };
}

/** By the names of what they have in the kernel: that is there when they are active. */
export function guardOf(chains: readonly Pick<Chain, 'table' | 'chain'>[]): string | null {
  if (chains.some(({ table, chain }) => table === filterTable && chain === 'ufw-user-input'))
    return 'ufw';
  const isFirewalld = chains.some(
    ({ table, chain }) => table === 'firewalld' || (table === filterTable && chain === 'IN_public'),
  );
  return isFirewalld ? 'firewalld' : null;
}

/** Takes the rules of all bridges away again, wherever they are. */
export async function dismissBridges(socket: NetlinkSocket): Promise<void> {
  await dismiss(socket, admissions);
}

/** Those of one bridge that has a name of its own. */
export async function dismissBridge(socket: NetlinkSocket, name: string): Promise<void> {
  await dismiss(socket, admissionsOf(name));
}

type Admissions = readonly (readonly Expression[])[];

async function dismiss(socket: NetlinkSocket, unwanted: Admissions): Promise<void> {
  const chains = (await listChains(socket)).filter(
    (chain) => isOfIptables(chain) && (chain.chain === dockerChain || chain.chain === forwardChain),
  );
  const requests: NetlinkRequest[] = [];
  for (const chain of chains) {
    for (const rule of await ourRules(socket, chain, unwanted)) {
      if (rule.handle !== null) requests.push(deleteRule({ ...rule, handle: rule.handle }));
    }
  }
  await transact(socket, requests);
}

// Native matches only: iptables prints exactly these as `-i tsc+ -j ACCEPT`, and refuses to list a chain with others.
const admissions = admissionsFor(new TextEncoder().encode(bridgePrefix));

/** Of one bridge: its whole name is compared, the NULs behind it as well. */
function admissionsOf(bridge: string): Admissions {
  const name = new Uint8Array(interfaceNameBytes);
  name.set(new TextEncoder().encode(bridge));
  return admissionsFor(name);
}

function admissionsFor(value: Uint8Array): Admissions {
  return [META_IIFNAME, META_OIFNAME].map((key) => [
    { name: 'meta', key, register: 1 },
    { name: 'cmp', operator: CMP_EQ, register: 1, value },
    { name: 'counter' },
    { name: 'verdict', code: NF_ACCEPT },
  ]);
}

async function listChains(socket: NetlinkSocket): Promise<readonly Chain[]> {
  const dumps = [...iptablesFamilies, NFPROTO_INET].map((family) => socket.dump(getChains(family)));
  return (await Promise.all(dumps)).flat().map(({ payload }) => decodeChain(payload));
}

/** The tables that iptables-nft and ip6tables-nft call their own. */
function isOfIptables({ family, table }: Chain): boolean {
  return table === filterTable && iptablesFamilies.some((one) => one === family);
}

async function ourRules(
  socket: NetlinkSocket,
  chain: Chain,
  ours: Admissions,
): Promise<readonly Rule[]> {
  const messages = await socket.dump(getRules(chain, chain.chain));
  return messages
    .map(({ payload }) => decodeRule(payload))
    .filter((rule) => rule.table === chain.table && rule.chain === chain.chain)
    .filter((rule) => ours.some((one) => isSameRule(rule.expressions, one)));
}

/** Of a family, NFPROTO_IPV4 or NFPROTO_IPV6. */
export function chooseChain(chains: readonly Chain[], family: number): Chain | null {
  const ofFilter = chains.filter((chain) => isOfIptables(chain) && chain.family === family);
  const docker = ofFilter.find(({ chain }) => chain === dockerChain);
  if (docker !== undefined) return docker;
  return (
    ofFilter.find(({ chain, base }) => chain === forwardChain && base?.policy === NF_DROP) ?? null
  );
}

/** Counters differ in what they have counted only, which is not encoded. */
export function isSameRule(
  found: readonly (Expression | null)[],
  wanted: readonly Expression[],
): boolean {
  const known = found.filter((expression) => expression !== null);
  return (
    known.length === found.length &&
    Buffer.compare(encodeExpressions(known), encodeExpressions(wanted)) === 0
  );
}

function obstacles(chains: readonly Chain[]): Obstacles {
  return chains
    .filter(({ base }) => base?.hook === hookForward && base.policy === NF_DROP)
    .filter((chain) => !isOfIptables(chain) || chain.chain !== forwardChain)
    .map(
      ({ table, chain }) =>
        `nftables chain "${chain}" of table "${table}" drops forwarded packets by default; containers may have no network until it accepts interfaces "${bridgePrefix}*"`,
    );
}

/** iptables-legacy keeps its rules outside nf_tables. */
async function legacyObstacles(): Promise<Obstacles> {
  const found = await Promise.all(
    Object.entries(legacyTables).map(async ([program, file]) =>
      (await readTables(file)).includes(filterTable) ? [program] : [],
    ),
  );
  return found
    .flat()
    .map(
      (program) =>
        `this host has ${program} rules; if their FORWARD chain drops, containers have no network until it accepts interfaces "${bridgePrefix}+"`,
    );
}

const legacyTables = {
  'iptables-legacy': '/proc/net/ip_tables_names',
  'ip6tables-legacy': '/proc/net/ip6_tables_names',
} as const;

async function readTables(file: string): Promise<readonly string[]> {
  try {
    return (await readFile(file, 'utf8')).split('\n');
  } catch {
    // Not there without the module: nothing of the kind is loaded.
    return [];
  }
}

async function transact(socket: NetlinkSocket, requests: readonly NetlinkRequest[]): Promise<void> {
  if (requests.length === 0) return;
  const reply = await socket.transact({ begin: beginBatch, requests, end: endBatch });
  if (reply.errno !== 0) throw refusal('let our bridges pass foreign firewall rules', reply);
}
