/** `create`: a bundle becomes a container whose program waits. */
import { readFileSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { EngineError } from '../api/index.ts';
import { writeFileAtomic } from '../lib/index.ts';
import {
  createHandedOver,
  ociDeviceAccess,
  ociNamespaces,
  ociResourceWrites,
  ociSandbox,
  ociState,
  readHostFacts,
  readOciConfig,
} from '../runtime/index.ts';
import type { CgroupPlacement, OciConfig, OciNamespaces } from '../runtime/index.ts';
import type { Options } from './arguments.ts';
import { cgroupsOf } from './context.ts';
import type { Context } from './context.ts';
import { GivenDescriptors, parseCount } from './descriptors.ts';
import { runHooks } from './hooks.ts';
import { cgroupPlace } from './record.ts';
import type { ContainerRecord } from './record.ts';
import { takeDown } from './take-down.ts';

export interface CreateRequest {
  readonly id: string;
  readonly options: Options;
  /** Where a relative bundle begins. */
  readonly workingDirectory: string;
}

export interface Created {
  readonly record: ContainerRecord;
  readonly config: OciConfig;
}

export async function create(context: Context, request: CreateRequest): Promise<Created> {
  const { id, options } = request;
  const bundle = resolve(request.workingDirectory, options.text('bundle') ?? '.');
  const text = readConfig(bundle, options.text('config') ?? 'config.json');
  const config = readOciConfig(text);
  requireConsole(config, options);
  const namespaces = ociNamespaces(config.linux);
  const record: ContainerRecord = {
    ...{ version: 1, id, bundle },
    rootfs: resolve(bundle, config.root?.path ?? ''),
    created: new Date().toISOString(),
    cgroup: cgroupPlace(config.linux?.cgroupsPath, id),
    namespaces: namespaces.own,
    process: null,
  };
  await context.containers.add(record, text);
  try {
    const created = await build(context, { record, config, namespaces, options });
    const pidFile = options.text('pid-file');
    if (pidFile !== undefined) {
      const path = resolve(request.workingDirectory, pidFile);
      await writeFileAtomic(path, String(created.process?.pid), {
        durability: 'boot',
        mode: 0o644,
      });
    }
    return { record: created, config };
  } catch (error) {
    await takeDown(context, record);
    throw error;
  }
}

function readConfig(bundle: string, name: string): string {
  const path = join(bundle, name);
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new EngineError('invalid-argument', `cannot read "${path}"`, {
      hint: 'a bundle is a directory with config.json in it',
      cause: error,
    });
  }
}

/** Nobody would hold the terminal when this process has ended. */
function requireConsole({ process }: OciConfig, options: Options): void {
  const hasSocket = options.text('console-socket') !== undefined;
  const hasTerminal = process?.terminal === true;
  if (hasTerminal && !hasSocket) {
    throw new EngineError('invalid-argument', 'process.terminal needs --console-socket');
  }
  if (hasSocket && !hasTerminal) {
    throw new EngineError('invalid-argument', '--console-socket needs process.terminal');
  }
}

interface Build {
  readonly record: ContainerRecord;
  readonly config: OciConfig;
  readonly namespaces: OciNamespaces;
  readonly options: Options;
}

async function build(
  context: Context,
  { record, config, namespaces, options }: Build,
): Promise<ContainerRecord> {
  const { id, bundle } = record;
  using opened = new GivenDescriptors();
  const socket = options.text('console-socket');
  if (socket === undefined) opened.addStreams();
  else opened.addConsole(resolve(bundle, socket));
  opened.addKept(parseCount(options.text('preserve-fds'), '--preserve-fds'));
  opened.addJoins(namespaces);
  const { spec, warnings } = ociSandbox({
    ...{ id, config, namespaces, host: readHostFacts() },
    facts: { bundle, cgroup: makeCgroup(record, config), isDirectory },
    paths: context.containers.paths(id),
    joins: opened.joins,
    descriptors: opened.descriptors,
  });
  for (const warning of warnings) context.warn(warning);
  let noted = record;
  const note = async (pid: number, startTime: bigint): Promise<void> => {
    noted = { ...record, process: { pid, startTime: String(startTime) } };
    await context.containers.write(noted);
  };
  const shim = await createHandedOver({
    spec,
    given: opened.given,
    whenHeld: async ({ containerPid, containerStartTime }) => {
      await note(containerPid, containerStartTime);
      const state = ociState({ id, config, bundle, status: 'creating', pid: containerPid });
      await runHooks({ config, name: 'prestart', state });
      await runHooks({ config, name: 'createRuntime', state });
    },
  });
  await note(shim.containerPid, shim.containerStartTime);
  shim.close();
  return noted;
}

function makeCgroup(record: ContainerRecord, { linux = {} }: OciConfig): CgroupPlacement {
  const { name, parent } = record.cgroup;
  const cgroups = cgroupsOf(record);
  const resources = linux.resources ?? {};
  const access = ociDeviceAccess(resources.devices ?? []);
  const writes = ociResourceWrites(resources, { version: cgroups.limitVersion });
  const placement = cgroups.create(name, { devices: access.allowed, limits: {}, parent });
  cgroups.denyDevices(name, access.denied);
  cgroups.write(name, writes);
  return placement;
}

function isDirectory(path: string): boolean | null {
  try {
    return statSync(path).isDirectory();
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) return null;
    throw error;
  }
}
