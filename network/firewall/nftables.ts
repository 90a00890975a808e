/**
 * The kernel's copy of the rule set. A change is one transaction of the elements that differ; if the kernel does not
 * have what we think it has, because somebody flushed it, the whole table is put in its place instead. Since Linux 6.9
 * the table is ours alone while this engine runs: a flush by others passes it over.
 */
import { Batch } from '../../engine/lib/index.ts';
import {
  beginBatch,
  deleteElements,
  deleteTable,
  destroyTable,
  endBatch,
  getTable,
  newElements,
  newOwnedTable,
  newTable,
  NFPROTO_INET,
} from '../netlink/nf-tables.ts';
import { refusal } from '../netlink/socket.ts';
import type { NetlinkReply, NetlinkRequest, NetlinkSocket } from '../netlink/socket.ts';
import { compileElements, compileRuleset } from './compile.ts';
import { withoutNftables } from '../refusals.ts';
import { buildRuleset, buildSets, tableName, withoutBridges } from './ruleset.ts';
import type { FilteredNetwork, FirewallState, PublishedPort } from './ruleset.ts';

export interface FirewallChange {
  readonly addNetworks?: readonly FilteredNetwork[];
  /** By bridge. */
  readonly removeNetworks?: readonly string[];
  readonly addPorts?: readonly PublishedPort[];
  readonly removePorts?: readonly Omit<PublishedPort, 'target'>[];
  readonly uplinks?: readonly string[];
  readonly uplinks6?: readonly string[];
}

export class Firewall {
  readonly #socket: NetlinkSocket;
  readonly #instance: string;
  readonly #changes: Batch<FirewallChange | Loss, boolean>;
  #state = emptyState();
  #isInstalled = false;
  /** Unknown until the kernel was asked. */
  #canOwn = true;

  constructor(socket: NetlinkSocket, instance: string) {
    this.#socket = socket;
    this.#instance = instance;
    this.#changes = new Batch((changes) => this.#applyAll(changes));
  }

  get state(): FirewallState {
    return {
      networks: [...this.#state.networks.values()],
      ports: [...this.#state.ports.values()],
      uplinks: this.#state.uplinks,
      uplinks6: this.#state.uplinks6,
    };
  }

  /** Resolves when the kernel has it. Changes asked for at the same time are one transaction. */
  async apply(change: FirewallChange): Promise<void> {
    await this.#changes.add(change);
  }

  /** Puts the table as a whole in place of whatever is there. There is no table when there is no network. */
  async rebuild(state: FirewallState): Promise<void> {
    const next = emptyState();
    applyChange(next, {
      addNetworks: state.networks,
      addPorts: state.ports,
      uplinks: state.uplinks,
      uplinks6: state.uplinks6,
    });
    await this.#replace(next);
  }

  /** Puts the table back if it is missing, or if somebody `isTouched` it; true if that was necessary. */
  async reassert(isTouched = false): Promise<boolean> {
    return await this.#changes.add({ isTouched });
  }

  async #applyAll(changes: readonly (FirewallChange | Loss)[]): Promise<readonly boolean[]> {
    const next = copyState(this.#state);
    const losses = changes.filter(isLoss);
    for (const change of changes) if (!isLoss(change)) applyChange(next, change);
    const isLost =
      losses.length > 0 && (losses.some(({ isTouched }) => isTouched) || (await this.#isMissing()));
    const isWanted = this.#isInstalled || next.networks.size > 0;
    const isIncremental = this.#isInstalled && next.networks.size > 0 && !isLost;
    if (isWanted && !(isIncremental && (await this.#applyDifference(next))))
      await this.#replace(next);
    this.#state = next;
    return changes.map(() => isLost && isWanted);
  }

  async #isMissing(): Promise<boolean> {
    if (!this.#isInstalled) return false;
    const [reply] = await this.#socket.send([getTable(this.#table())]);
    return reply?.errno !== 0;
  }

  /** False if the kernel refused. */
  async #applyDifference(next: State): Promise<boolean> {
    const { table } = this.#table();
    const { removed, added } = difference(this.#state, next);
    const requests = [
      ...buildSets(removed).flatMap((set) => compileElements(table, set, deleteElements)),
      ...buildSets(added).flatMap((set) => compileElements(table, set, newElements)),
    ];
    if (requests.length > 0 && (await this.#transact(requests)).errno !== 0) return false;
    this.#state = next;
    return true;
  }

  async #replace(next: State): Promise<void> {
    const ruleset = buildRuleset(this.#instance, {
      networks: [...next.networks.values()],
      ports: [...next.ports.values()],
      uplinks: next.uplinks,
      uplinks6: next.uplinks6,
    });
    const isEmpty = next.networks.size === 0;
    const reply = await this.#install(isEmpty ? null : compileRuleset(ruleset));
    if (reply.errno === errnoNotSupported && reply.reason === '') throw withoutNftables();
    if (reply.errno !== 0) throw refusal('change the firewall', reply);
    this.#state = next;
    this.#isInstalled = !isEmpty;
  }

  /** In place of whatever table is there; null: none. */
  async #install(body: readonly NetlinkRequest[] | null): Promise<NetlinkReply> {
    const table = this.#table();
    const rest = body ?? [];
    if (this.#canOwn) {
      const start = [destroyTable(table), ...(body === null ? [] : [newOwnedTable(table)])];
      const reply = await this.#transact([...start, ...rest]);
      this.#canOwn = reply.errno !== errnoInvalid && reply.errno !== errnoNotSupported;
      if (this.#canOwn) return reply;
    }
    // Creating it first keeps the deletion from failing where there is none.
    const start = [
      newTable(table),
      deleteTable(table),
      ...(body === null ? [] : [newTable(table)]),
    ];
    return await this.#transact([...start, ...rest]);
  }

  #transact(requests: readonly NetlinkRequest[]): Promise<NetlinkReply> {
    return this.#socket.transact({ begin: beginBatch, requests, end: endBatch });
  }

  #table(): { family: number; table: string } {
    return { family: NFPROTO_INET, table: tableName(this.#instance) };
  }
}

/** Somebody else has changed rules; `isTouched`: ours among them. */
interface Loss {
  readonly isTouched: boolean;
}

function isLoss(change: FirewallChange | Loss): change is Loss {
  return 'isTouched' in change;
}

// What kernels say to messages and flags that they do not know.
const errnoInvalid = 22;
const errnoNotSupported = 95;

interface State {
  /** By bridge. */
  readonly networks: Map<string, FilteredNetwork>;
  /** By what makes them unique. */
  readonly ports: Map<string, PublishedPort>;
  uplinks: readonly string[];
  uplinks6: readonly string[];
}

function emptyState(): State {
  return { networks: new Map(), ports: new Map(), uplinks: [], uplinks6: [] };
}

function copyState({ networks, ports, ...uplinks }: State): State {
  return { networks: new Map(networks), ports: new Map(ports), ...uplinks };
}

function applyChange(state: State, change: FirewallChange): void {
  for (const bridge of change.removeNetworks ?? []) state.networks.delete(bridge);
  for (const port of change.removePorts ?? []) state.ports.delete(portKey(port));
  for (const network of change.addNetworks ?? []) state.networks.set(network.bridge, network);
  for (const port of change.addPorts ?? []) state.ports.set(portKey(port), port);
  if (change.uplinks !== undefined) state.uplinks = change.uplinks;
  if (change.uplinks6 !== undefined) state.uplinks6 = change.uplinks6;
}

function portKey({ protocol, hostIp, published }: Omit<PublishedPort, 'target'>): string {
  return `${protocol} ${hostIp} ${published}`;
}

function difference(before: State, after: State): { removed: FirewallState; added: FirewallState } {
  const isSame = (one: object | undefined, other: object): boolean =>
    JSON.stringify(one) === JSON.stringify(other);
  const missingIn = <T extends object>(from: Map<string, T>, other: Map<string, T>): T[] =>
    [...from]
      .filter(([key, value]) => other.get(key) !== value && !isSame(other.get(key), value))
      .map(([, value]) => value);
  const without = (some: readonly string[], others: readonly string[]): string[] =>
    some.filter((name) => !others.includes(name));
  const apart = ({ networks, uplinks, uplinks6 }: State): ReturnType<typeof withoutBridges> =>
    withoutBridges({ networks: [...networks.values()], uplinks, uplinks6 });
  const [apartBefore, apartAfter] = [apart(before), apart(after)];
  return {
    removed: {
      networks: missingIn(before.networks, after.networks),
      ports: missingIn(before.ports, after.ports),
      uplinks: without(apartBefore.uplinks, apartAfter.uplinks),
      uplinks6: without(apartBefore.uplinks6, apartAfter.uplinks6),
    },
    added: {
      networks: missingIn(after.networks, before.networks),
      ports: missingIn(after.ports, before.ports),
      uplinks: without(apartAfter.uplinks, apartBefore.uplinks),
      uplinks6: without(apartAfter.uplinks6, apartBefore.uplinks6),
    },
  };
}
