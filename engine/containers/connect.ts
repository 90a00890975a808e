/** A container joins or leaves a network: on record where it does not run, and at once where it does. */
import { readFileSync, writeFileSync } from 'node:fs';
import { EngineError } from '../api/index.ts';
import type {
  EndpointSettings,
  NetworkConnectRequest,
  NetworkDisconnectRequest,
} from '../api/index.ts';
import type { ConnectedSandbox, Network } from '../../network/index.ts';
import { changeRecord } from './change.ts';
import type { Container, ContainerRecord } from './container.ts';
import type { ContainerContext } from './context.ts';
import { sharedWith } from './joined.ts';
import { linkedHosts } from './links.ts';
import { withContainer } from './locked.ts';
import { networkFailure } from './network-failure.ts';
import { findNetwork, networkFacts, sandboxRequest } from './network-request.ts';

type Context = Pick<
  ContainerContext,
  'containers' | 'locks' | 'records' | 'networks' | 'events' | 'layout' | 'log'
>;

/** Rejects with EngineError in dockerd's words; nothing has changed then. */
export async function connectContainer(
  ctx: Context,
  ref: string,
  { Container: containerRef = '', EndpointConfig }: NetworkConnectRequest,
): Promise<void> {
  const network = findNetwork(ctx.networks.list(), ref);
  const work = async (container: Container): Promise<void> => {
    const settings = EndpointConfig ?? {};
    requireMayJoin(container, network, settings);
    const before = container.record;
    const endpoints = { ...before.endpoints, [network.name]: settings };
    await changeRecord(ctx, container, (record) => ({ ...record, endpoints }));
    if (!isOnNetworks(container)) return;
    try {
      await follow(ctx, container, { network, change: 'connect' });
    } catch (error) {
      await changeRecord(ctx, container, (record) => ({ ...record, endpoints: before.endpoints }));
      throw networkFailure(error) ?? error;
    }
    publish(ctx, container, { network, action: 'connect' });
  };
  await withContainer(ctx, containerRef, { work });
}

/** Rejects with EngineError in dockerd's words. */
export async function disconnectContainer(
  ctx: Context,
  ref: string,
  { Container: containerRef = '' }: NetworkDisconnectRequest,
): Promise<void> {
  const network = findNetwork(ctx.networks.list(), ref);
  const work = async (container: Container): Promise<void> => {
    requireMayLeave(container, network);
    const wasOn = isOnNetworks(container);
    const before = container.record;
    const { [network.name]: _left, ...endpoints } = before.endpoints;
    // First, so that the next engine takes what is on record and not made for a join.
    await changeRecord(ctx, container, (record) => ({ ...record, endpoints }));
    if (!wasOn) return;
    try {
      await follow(ctx, container, { network, change: 'disconnect' });
    } catch (error) {
      await changeRecord(ctx, container, (record) => ({ ...record, endpoints: before.endpoints }));
      throw networkFailure(error) ?? error;
    }
    publish(ctx, container, { network, action: 'disconnect' });
  };
  await withContainer(ctx, containerRef, { work });
}

/**
 * What an engine that was killed between the record of a join or a leave and the change itself has left: the change is
 * made. A join that fails is not on record any more.
 */
export async function finishConnections(ctx: Context, container: Container): Promise<void> {
  const { network: facts, record } = container;
  if (facts === null || record.config.NetworkDisabled === true) return;
  const networks = ctx.networks.list();
  const wanted = namedIn(networks, record.endpoints);
  const made = namedIn(networks, facts.endpoints);
  if (wanted === null || made === null) return;
  for (const network of networks) {
    const isWanted = wanted.has(network);
    if (isWanted === made.has(network)) continue;
    const change = isWanted ? 'connect' : 'disconnect';
    await finishConnection(ctx, container, { network, change });
  }
}

/** By their names, ids, or what ids begin with; null: not all of them are to be told. */
function namedIn(networks: readonly Network[], endpoints: object): ReadonlySet<Network> | null {
  try {
    return new Set(Object.keys(endpoints).map((ref) => findNetwork(networks, ref)));
  } catch (error) {
    if (error instanceof EngineError) return null;
    throw error;
  }
}

/** Never rejects: the engine's start goes on without it. */
async function finishConnection(
  ctx: Context,
  container: Container,
  following: Following,
): Promise<void> {
  const { network, change } = following;
  const { [network.name]: _unfinished, ...endpoints } = container.record.endpoints;
  try {
    await follow(ctx, container, following);
  } catch (error) {
    const fields = { container: container.id, network: network.name, error: String(error) };
    ctx.log.error(`cannot finish the ${change} of a container`, fields);
    if (change === 'connect') await forget(ctx, container, endpoints);
  }
}

async function forget(
  ctx: Context,
  container: Container,
  endpoints: ContainerRecord['endpoints'],
): Promise<void> {
  try {
    await changeRecord(ctx, container, (record) => ({ ...record, endpoints }));
  } catch (error) {
    const fields = { container: container.id, error: String(error) };
    ctx.log.error('cannot take a join that failed off the record', fields);
  }
}

/** One that runs, and did not lose its network over a damaged record. */
function isOnNetworks({ network }: Container): boolean {
  return network !== null;
}

interface Following {
  readonly network: Network;
  readonly change: 'connect' | 'disconnect';
}

async function follow(
  ctx: Context,
  container: Container,
  { network, change }: Following,
): Promise<void> {
  const { record } = container;
  const networks = ctx.networks.list();
  const request = sandboxRequest(record, networks);
  if (request === null) throw sharesNetwork();
  const extraHosts = [...(request.extraHosts ?? []), ...linkedHosts(ctx, record)];
  const sandbox = await ctx.networks[change]({ ...request, extraHosts }, network.id);
  // It may have ended meanwhile, and is then shown without.
  if (container.network === null) return;
  container.network = networkFacts(record, networks, sandbox);
  try {
    updateHosts(ctx, container, sandbox);
  } catch (error) {
    ctx.log.error('cannot update /etc/hosts of a container', {
      container: container.id,
      error: String(error),
    });
  }
}

/** Line by line: the program may have added some of its own. The file is mounted, so it stays the same one. */
function updateHosts(
  ctx: Context,
  { id }: Container,
  { hosts }: Pick<ConnectedSandbox, 'hosts'>,
): void {
  const path = ctx.layout.container(id).hosts;
  const { before, after } = hosts;
  const linesOf = (text: string): readonly string[] =>
    text.split('\n').filter((line) => line !== '');
  const [old, wanted] = [new Set(linesOf(before)), linesOf(after)];
  const kept = linesOf(readFileSync(path, 'utf8')).filter(
    (line) => !old.has(line) || wanted.includes(line),
  );
  const added = wanted.filter((line) => !old.has(line));
  writeFileSync(path, [...kept, ...added].map((line) => `${line}\n`).join(''));
}

/** As moby `daemon/container_operations.go` refuses, in its order. */
function requireMayJoin(
  { name, record }: Container,
  network: Network,
  settings: EndpointSettings,
): void {
  const mode = record.hostConfig.NetworkMode ?? '';
  if (sharedWith(mode) !== null) throw sharesNetwork();
  if (mode === 'host' || network.driver === 'host') throw isHosts();
  if (mode === 'none' || network.driver === 'none') {
    throw new EngineError(
      'invalid-argument',
      'container cannot be connected to multiple networks with one of the networks in private (none) mode',
    );
  }
  if (network.name === 'bridge') requireDefaults(settings);
  if (Object.hasOwn(record.endpoints, network.name)) {
    throw new EngineError(
      'forbidden',
      `endpoint with name ${name} already exists in network ${network.name}`,
    );
  }
}

/** The default bridge has neither names nor addresses to choose. */
function requireDefaults({ Aliases, IPAMConfig }: EndpointSettings): void {
  if ((Aliases ?? []).length > 0) {
    throw new EngineError(
      'invalid-argument',
      'network-scoped aliases are only supported for user-defined networks',
    );
  }
  if ((IPAMConfig?.IPv4Address ?? '') !== '') {
    throw new EngineError(
      'invalid-argument',
      'user specified IP address is supported on user defined networks only',
    );
  }
}

function requireMayLeave({ name, record }: Container, network: Network): void {
  if (record.hostConfig.NetworkMode === 'host' && network.driver === 'host') throw isHosts();
  if (Object.hasOwn(record.endpoints, network.name)) return;
  throw new EngineError(
    'forbidden',
    `container ${name} is not connected to network ${network.name}`,
  );
}

function sharesNetwork(): EngineError {
  return new EngineError(
    'invalid-argument',
    'container sharing network namespace with another container or host cannot be connected to any other network',
  );
}

function isHosts(): EngineError {
  return new EngineError(
    'invalid-argument',
    'container cannot be disconnected from host network or connected to host network',
  );
}

function publish(
  ctx: Pick<Context, 'events'>,
  { id }: Container,
  { network, action }: { readonly network: Network; readonly action: string },
): void {
  ctx.events.publish({
    type: 'network',
    action,
    id: network.id,
    attributes: { container: id, name: network.name, type: network.driver },
  });
}
