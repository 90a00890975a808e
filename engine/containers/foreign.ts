/**
 * Containers whose sandbox another OCI runtime makes. The shim is their parent as ever; what differs is written into a
 * bundle here, and the runtime's own words about a failure are read back.
 */
import { execFile } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { EngineError } from '../api/index.ts';
import { shimPath } from '../../native/index.ts';
import {
  buildOciSeccomp,
  bundleFilesName,
  ociConfigOf,
  ociProcessOf,
  printOciJson,
  ShimError,
} from '../runtime/index.ts';
import type {
  BundleFacts,
  DeviceRule,
  ForeignCommands,
  ForeignExec,
  ForeignRuntime,
  SandboxProcess,
  SandboxRequest,
  SandboxSpec,
} from '../runtime/index.ts';
import type { ContainerRecord } from './container.ts';
import type { ContainerContext } from './context.ts';

type Context = Pick<ContainerContext, 'layout' | 'runtimes' | 'cgroups'>;

const run = promisify(execFile);

/** linux/mount.h */
const MS_SHARED = 0x100000;

/** Of `delete` by the engine, which does it only where no shim did. */
const deleteTimeoutMs = 30_000;

export interface BundleRequest {
  readonly runtime: ForeignRuntime;
  readonly spec: SandboxSpec;
  readonly request: SandboxRequest;
  readonly deviceRules: readonly DeviceRule[];
  /** By kind, as the joins of the specification have them. */
  readonly joinPaths: BundleFacts['joinPaths'];
}

/** Writes the bundle; returns the commands that the shim is to run. */
export async function writeBundle(
  ctx: Context & Pick<ContainerContext, 'host'>,
  record: ContainerRecord,
  bundle: BundleRequest,
): Promise<ForeignCommands> {
  const { runtime, spec, request, deviceRules, joinPaths } = bundle;
  refuseOwnOnly(spec);
  const { bundle: directory } = ctx.layout.sandbox(record.id);
  const rootPath = join(directory, 'rootfs');
  const joinedSource = join(directory, 'shm');
  await rm(directory, { recursive: true, force: true });
  await mkdir(rootPath, { recursive: true, mode: 0o700 });
  await mkdir(joinedSource, { mode: 0o700 });
  const files = spec.mounts.filter(({ kind }) => kind === 'files');
  for (const index of files.keys())
    await mkdir(join(directory, bundleFilesName(index)), { mode: 0o700 });
  const userTargets = new Set(request.mounts.map(({ target }) => target));
  const viewTargets = request.cgroup.view.map(({ target }) => target);
  const config = ociConfigOf(spec, {
    ...{ rootPath, joinedSource, directory, deviceRules, joinPaths },
    annotations: record.hostConfig.Annotations ?? {},
    cgroupsPath: ctx.cgroups.path(record.id),
    cgroupTargets: new Set(viewTargets.filter((target) => !userTargets.has(target))),
    seccomp: buildOciSeccomp(request, ctx.host),
    initPath: shimPath(),
  });
  await writeFile(join(directory, 'config.json'), printOciJson(config), { mode: 0o600 });
  const base = baseCommand(ctx, runtime, directory);
  const terminal = terminalOption(spec.process, directory);
  return {
    directory,
    create: [
      ...[...base, 'create', '--bundle', directory, '--pid-file', join(directory, 'pid')],
      ...[...terminal, record.id],
    ],
    start: [...base, 'start', record.id],
    delete: [...base, 'delete', '--force', record.id],
  };
}

/** What only a shim that makes the mounts itself can do. */
function refuseOwnOnly({ mounts }: SandboxSpec): void {
  for (const { target, propagation, subpath, owners } of mounts) {
    const [what] = [
      // Mounts are made where the host does not see them, so none could come back.
      ...((propagation & MS_SHARED) === 0 ? [] : ['shared propagation']),
      // Runtimes take a path on the host, which a link in a volume could lead anywhere.
      ...(subpath === undefined || subpath === '' ? [] : ['a subpath']),
      ...(owners === undefined ? [] : ['other owners']),
    ];
    if (what === undefined) continue;
    throw new EngineError(
      'not-implemented',
      `${what} of "${target}" works with the runtime tscompose only`,
    );
  }
}

/** null for a container of our own. */
export async function writeExecBundle(
  ctx: Context,
  record: ContainerRecord,
  exec: { readonly id: string; readonly process: SandboxProcess },
): Promise<ForeignExec | null> {
  const runtime = ctx.runtimes.find(record.hostConfig.Runtime);
  if (runtime === null) return null;
  const { bundle: directory } = ctx.layout.sandbox(exec.id);
  await mkdir(directory, { mode: 0o700 });
  const path = join(directory, 'process.json');
  await writeFile(path, printOciJson(ociProcessOf(exec.process)), { mode: 0o600 });
  const command = [
    ...baseCommand(ctx, runtime, directory),
    ...['exec', '--detach', '--pid-file', join(directory, 'pid'), '--process', path],
    ...terminalOption(exec.process, directory),
    record.id,
  ];
  return { directory, command };
}

export async function removeExecBundle(exec: ForeignExec | null): Promise<void> {
  if (exec !== null) await rm(exec.directory, { recursive: true, force: true });
}

function baseCommand(ctx: Context, runtime: ForeignRuntime, directory: string): string[] {
  const hidden = ctx.cgroups.hybridMountPoint;
  return [
    ...(hidden === null ? [] : [shimPath(), 'hide', hidden]),
    ...[runtime.path, ...runtime.args, '--root', stateDirectory(ctx, runtime)],
    ...['--log', join(directory, 'log'), '--log-format', 'json'],
  ];
}

function stateDirectory({ layout }: Pick<Context, 'layout'>, { name }: ForeignRuntime): string {
  return join(layout.runtimes, name);
}

function terminalOption({ terminal }: SandboxProcess, directory: string): readonly string[] {
  return terminal === null ? [] : ['--console-socket', join(directory, 'tty')];
}

/**
 * Takes away what is left of a run that has ended: the bundle, and the container itself where its shim was killed before
 * it could. Nothing happens for a container of our own.
 */
export async function discardForeign(ctx: Context, record: ContainerRecord): Promise<void> {
  const { bundle } = ctx.layout.sandbox(record.id);
  if (!existsSync(bundle)) return;
  const runtime = ctx.runtimes.find(record.hostConfig.Runtime);
  if (runtime !== null && existsSync(join(stateDirectory(ctx, runtime), record.id))) {
    const [path = '', ...args] = baseCommand(ctx, runtime, bundle);
    await run(path, [...args, 'delete', '--force', record.id], {
      ...{ timeout: deleteTimeoutMs, killSignal: 'SIGKILL', env: {}, cwd: '/' },
    });
  }
  ctx.cgroups.removeOthers(record.id);
  await rm(bundle, { recursive: true, force: true });
}

/** With the words of the runtime, where it was the one that failed. */
export class RuntimeFailure extends Error {
  override readonly name = 'RuntimeFailure';
}

export function explainFailure(error: unknown, directory: string | null): unknown {
  if (directory === null || !(error instanceof ShimError) || error.stage !== 'runtime')
    return error;
  const words = lastWords(join(directory, 'log'));
  return words === null ? error : new RuntimeFailure(words, { cause: error });
}

/** Of the log that it was told to write: a JSON object a line. */
function lastWords(path: string): string | null {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch {
    return null;
  }
  const messages = text.split('\n').flatMap((line) => {
    const { level, msg } = parseLine(line);
    return level === 'error' && typeof msg === 'string' ? [msg] : [];
  });
  return messages.at(-1)?.replace(reasons, (reason) => reason.toLowerCase()) ?? null;
}

/** The C library's words; Docker's client takes exit codes from those of Go, which are the same in small letters. */
const reasons =
  /No such file or directory|Not a directory|Permission denied|Is a directory|Exec format error/g;

function parseLine(line: string): { readonly level?: unknown; readonly msg?: unknown } {
  try {
    return (JSON.parse(line) ?? {}) as { readonly level?: unknown };
  } catch {
    return {};
  }
}

/** What clients make of a runtime's words, as dockerd does (moby `daemon/errors.go`). */
export function exitCodeOf(words: string): number {
  if (/executable file.*not found|no such file or directory|not a directory/i.test(words))
    return 127;
  return /permission denied|is a directory|exec format error/i.test(words) ? 126 : 128;
}
