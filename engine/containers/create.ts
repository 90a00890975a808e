import { mkdir, rm } from 'node:fs/promises';
import { hostname } from 'node:os';
import { EngineError } from '../api/index.ts';
import type {
  ContainerCreated,
  ContainerCreateRequest,
  EndpointSettings,
  HostConfig,
} from '../api/index.ts';
import type { Image } from '../images/index.ts';
import { createId, Rollback } from '../lib/index.ts';
import { parseDeviceRule } from '../runtime/index.ts';
import { VolumeError } from '../../volumes/index.ts';
import { checkProfile } from './app-armor.ts';
import { coreSchedulingProblems } from './annotations.ts';
import { argumentsOf, mergeConfig, withHostDefaults } from './config.ts';
import { Container, neverRun } from './container.ts';
import type { ContainerRecord } from './container.ts';
import type { ContainerContext } from './context.ts';
import { publishContainer } from './events.ts';
import { resolveSharing, sharedWith } from './joined.ts';
import { limitsOf } from './limits.ts';
import { checkLinks } from './links.ts';
import { createMounts } from './mounts.ts';
import { chooseName } from './names.ts';
import { findNetwork, portRequests } from './network-request.ts';
import { labelProblems, LevelClaims, newLabels } from './selinux.ts';
import { nowNs } from './time.ts';
import { validateCreate, validateName } from './validate.ts';

type Context = Omit<ContainerContext, 'locks' | 'log'>;

export interface CreateOptions {
  /** null: one is chosen. */
  readonly name: string | null;
}

/** Everything is checked before anything is made; on failure nothing stays, the name included. */
export async function createContainer(
  ctx: Context,
  request: ContainerCreateRequest,
  options: CreateOptions,
): Promise<ContainerCreated> {
  const warnings = [
    ...validateCreate(request),
    ...checkResources(ctx, request.HostConfig ?? {}),
    ...coreSchedulingProblems(request.HostConfig ?? {}, ctx.host),
    ...labelProblems(request.HostConfig ?? {}, ctx.host),
  ];
  checkProfile(request.HostConfig ?? {}, ctx.host);
  const image = requireImage(ctx, request.Image ?? '');
  const id = createId();
  const name = options.name ?? chooseName(ctx.containers);
  validateName(name);
  const hostConfig = resolveSharing(
    ctx,
    withHostDefaults(request.HostConfig ?? {}, ctx.cgroups.isCgroup2Only),
  );
  const config = mergeConfig(image.document.config, withHostName(request, hostConfig), id);
  ctx.runtimes.find(hostConfig.Runtime);
  requireCommand(argumentsOf(config));
  portRequests(hostConfig, config);
  checkLinks(ctx, hostConfig);
  const endpoints = chooseEndpoints(ctx, request, hostConfig);
  ctx.containers.claimName(name, id);
  try {
    await make(ctx, image, { id, name, config, hostConfig, endpoints, warnings });
  } catch (error) {
    ctx.containers.releaseName(name, id);
    throw toEngineError(error);
  }
  return { Id: id, Warnings: warnings };
}

/** Returns what of it this machine cannot do. */
function checkResources(ctx: Pick<Context, 'cgroups'>, host: HostConfig): readonly string[] {
  for (const rule of host.DeviceCgroupRules ?? []) parseDeviceRule(rule);
  return ctx.cgroups.check(limitsOf(host));
}

type Decided = Pick<ContainerRecord, 'id' | 'name' | 'config' | 'hostConfig' | 'endpoints'> & {
  readonly warnings: string[];
};

/** The record comes last: a directory or snapshot that no record names is swept at the next start. */
async function make(ctx: Context, image: Image, { warnings, ...decided }: Decided): Promise<void> {
  const { id } = decided;
  using claims = new LevelClaims(ctx.containers);
  await Rollback.guard(async (rollback) => {
    const { directory } = ctx.layout.container(id);
    rollback.add('directory', () => rm(directory, { recursive: true, force: true }));
    await mkdir(directory, { mode: 0o700 });
    const mounts = await createMounts(ctx, image, { ...decided, rollback, warnings });
    rollback.add('snapshot', () => ctx.snapshots.remove(id));
    await ctx.snapshots.prepare(id, image);
    const labels = newLabels(ctx, decided.hostConfig, claims);
    const record: ContainerRecord = {
      ...decided,
      ...(labels !== null && { labels }),
      createdNs: String(nowNs()),
      imageId: image.id,
      mounts,
      run: neverRun,
    };
    await ctx.records.put(id, record);
    const container = new Container(record);
    ctx.containers.add(container);
    publishContainer(ctx, container, { action: 'create' });
  });
}

/** Who is on the host's network is called as the host, unless the user says otherwise. */
function withHostName(
  request: ContainerCreateRequest,
  { NetworkMode }: HostConfig,
): ContainerCreateRequest {
  const isNamed = request.Hostname !== undefined && request.Hostname !== '';
  return NetworkMode !== 'host' || isNamed ? request : { ...request, Hostname: hostname() };
}

function requireImage(ctx: Pick<Context, 'images'>, ref: string): Image {
  if (ref === '') throw new EngineError('invalid-argument', 'no image specified');
  const image = ctx.images.resolve(ref);
  if (image !== null) return image;
  throw new EngineError('not-found', `No such image: ${ref}`, {
    hint: 'load or import it, or use "tscompose.local/host" for programs of this host',
    details: { image: ref },
  });
}

function requireCommand(args: readonly string[]): void {
  if (args.length > 0) return;
  throw new EngineError('invalid-argument', 'no command specified');
}

/** What the container is to be on each network; the key "default" in the request stands for NetworkMode. */
function chooseEndpoints(
  ctx: Pick<Context, 'networks'>,
  request: ContainerCreateRequest,
  { NetworkMode: mode = 'bridge' }: HostConfig,
): Readonly<Record<string, EndpointSettings>> {
  if (mode === 'host' || mode === 'none') return { [mode]: {} };
  if (sharedWith(mode) !== null) return {};
  const asked = request.NetworkingConfig?.EndpointsConfig ?? {};
  const networks = ctx.networks.list();
  const endpoints: Record<string, EndpointSettings> = {};
  for (const [ref, settings] of Object.entries({ [mode]: {}, ...asked })) {
    const network = tryFindNetwork(networks, ref === 'default' ? mode : ref);
    endpoints[network] = { ...endpoints[network], ...settings };
  }
  return endpoints;
}

/** A network that is not there yet is an error of the start, as in Docker: somebody may make it in between. */
function tryFindNetwork(networks: Parameters<typeof findNetwork>[0], ref: string): string {
  try {
    return findNetwork(networks, ref).name;
  } catch (error) {
    if (error instanceof EngineError && error.kind === 'not-found') return ref;
    throw error;
  }
}

const kindOf = {
  'invalid-name': 'invalid-argument',
  'invalid-mount': 'invalid-argument',
  'duplicate-target': 'invalid-argument',
  'unknown-driver': 'invalid-argument',
  'invalid-option': 'invalid-argument',
  'source-missing': 'invalid-argument',
  'driver-mismatch': 'conflict',
  'in-use': 'conflict',
  'mount-failed': 'internal',
  'not-found': 'not-found',
} as const satisfies Record<VolumeError['code'], EngineError['kind']>;

/** Volume failures in the words of the API. */
export function toEngineError(error: unknown): unknown {
  if (!(error instanceof VolumeError)) return error;
  return new EngineError(kindOf[error.code], error.message, {
    ...(error.hint !== undefined && { hint: error.hint }),
    details: { code: error.code, ...error.fields },
    cause: error,
  });
}
