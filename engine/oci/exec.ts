/** `exec`: one more program in a container. */
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { EngineError } from '../api/index.ts';
import { writeFileAtomic } from '../lib/index.ts';
import { execHandedOver, ociProgram, readHostFacts, readOciProcess } from '../runtime/index.ts';
import type { OciProcess } from '../runtime/index.ts';
import { openPidfd } from '../../native/index.ts';
import type { Options } from './arguments.ts';
import { cgroupsOf, observe, requireStatus } from './context.ts';
import type { Context } from './context.ts';
import { GivenDescriptors, parseCount } from './descriptors.ts';
import { superviseChild } from './foreground.ts';

export interface ExecRequest {
  readonly id: string;
  readonly words: readonly string[];
  readonly options: Options;
  readonly workingDirectory: string;
}

/** The exit code of this command: with `--detach` of the start alone. */
export async function exec(context: Context, request: ExecRequest): Promise<number> {
  const { id, options, workingDirectory } = request;
  const observed = await observe(context, id);
  observed.shim?.close();
  const { record, pid } = observed;
  requireStatus(observed, ['created', 'running'], 'exec in');
  const config = context.containers.config(id);
  const process = chooseProcess(request, config.process);
  const {
    process: program,
    attributes,
    warnings,
  } = ociProgram(process, config.linux, readHostFacts());
  for (const warning of warnings) context.warn(warning);
  using opened = new GivenDescriptors();
  addStreams(opened, process, request);
  opened.addContainer(openPidfd(pid));
  const placement = cgroupsOf(record).placement(record.cgroup.name);
  const child = await execHandedOver({
    exec: {
      process: program,
      namespaces: record.namespaces,
      cgroups: placement.directories,
      hasCgroup2: placement.hasCgroup2,
      handover: {
        ...{ descriptors: opened.descriptors, holds: false, hooks: [], timeOffsets: '' },
        ...attributes,
      },
    },
    given: opened.given,
    scratchPath: join(context.containers.directory(id), `exec-${globalThis.process.pid}`),
  });
  const pidFile = options.text('pid-file');
  if (pidFile !== undefined) {
    const path = resolve(workingDirectory, pidFile);
    await writeFileAtomic(path, String(child), { durability: 'boot', mode: 0o644 });
  }
  return options.flag('detach') ? 0 : await superviseChild(child);
}

function addStreams(
  opened: GivenDescriptors,
  process: OciProcess,
  { options, workingDirectory }: ExecRequest,
): void {
  const socket = options.text('console-socket');
  if (process.terminal === true) {
    if (socket === undefined) {
      throw new EngineError('invalid-argument', 'a terminal needs --console-socket');
    }
    opened.addConsole(resolve(workingDirectory, socket));
  } else opened.addStreams();
  opened.addKept(parseCount(options.text('preserve-fds'), '--preserve-fds'));
}

/** From a file, or as the container's own with other words. */
function chooseProcess(request: ExecRequest, own: OciProcess | undefined): OciProcess {
  const { options, words } = request;
  const file = options.text('process');
  const process =
    file === undefined
      ? { ...(own ?? { cwd: '/' }), terminal: false, args: words.slice(1) }
      : readFile(resolve(request.workingDirectory, file));
  const user = options.text('user');
  return {
    ...process,
    ...(options.flag('tty') && { terminal: true }),
    ...(options.text('cwd') !== undefined && { cwd: options.text('cwd') ?? '/' }),
    env: [...(process.env ?? []), ...options.list('env')],
    ...(user !== undefined && { user: { ...parseUser(user), ...groupsOf(options) } }),
    ...(options.flag('no-new-privs') && { noNewPrivileges: true }),
    // What is not said is as the container has it, as with runc.
    ...(process.capabilities === undefined &&
      own?.capabilities !== undefined && { capabilities: own.capabilities }),
  };
}

function readFile(path: string): OciProcess {
  try {
    return readOciProcess(readFileSync(path, 'utf8'));
  } catch (error) {
    if (error instanceof EngineError) throw error;
    throw new EngineError('invalid-argument', `cannot read "${path}"`, { cause: error });
  }
}

function parseUser(text: string): { uid: number; gid: number } {
  const match = /^(\d{1,10})(?::(\d{1,10}))?$/.exec(text);
  if (match === null) {
    throw new EngineError('invalid-argument', `--user "${text}" is no UID[:GID]`);
  }
  return { uid: Number(match[1]), gid: Number(match[2] ?? 0) };
}

function groupsOf(options: Options): { additionalGids?: readonly number[] } {
  const groups = options.list('additional-gids').map(Number);
  return groups.length === 0 ? {} : { additionalGids: groups };
}
